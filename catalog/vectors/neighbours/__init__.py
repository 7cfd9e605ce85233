"""The neighbour graph: the most similar images of each image, and ranking with them."""
