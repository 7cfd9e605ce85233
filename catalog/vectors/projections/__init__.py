"""Projections: affine maps after which descriptors are compared, fitted to the descriptors of a catalogue."""
