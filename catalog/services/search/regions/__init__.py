"""Regions: what is meant in a cluttered photo, found by what the catalogue holds."""
