"""Labelled pictures → weights of the compact network."""
