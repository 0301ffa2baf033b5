"""What Numba compiles to read images."""
