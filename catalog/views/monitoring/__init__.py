"""Probes and metrics, for programs that watch over the site."""
