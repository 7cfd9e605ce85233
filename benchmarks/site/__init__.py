"""A whole site under load, and its web server with slow clients."""
