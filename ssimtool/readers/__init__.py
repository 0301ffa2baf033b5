"""Bytes to samples: images, arrays, and two images made comparable."""
