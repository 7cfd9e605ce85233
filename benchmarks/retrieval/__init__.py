"""What `benchmarks.quality` compares: descriptors of labelled photographs, and ways to rank them."""
