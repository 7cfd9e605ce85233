"""Training of a generation: the projection, the codes, and what the scores mean."""
