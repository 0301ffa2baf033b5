"""The same numbers, fused: one pass over the samples, on the CPU, by Numba."""
