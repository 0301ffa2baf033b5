"""Functions for reading images, compiled by Numba."""
