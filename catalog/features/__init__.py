"""From pixels to descriptors: weights, networks, runtimes, pooling. Independent of Django."""
