"""Pixels → descriptor: weights, a runtime, the maps of one layer, pooling. Knows no Django."""
