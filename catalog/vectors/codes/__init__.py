"""Binary codes of descriptors: encoding them, training on labels, files, and the nearest codes."""
