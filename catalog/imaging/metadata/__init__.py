"""Removal of metadata from picture files, without decoding them: the pixels stay as they are, bit by bit."""
