"""Checks, scores and explains one pair of images."""
