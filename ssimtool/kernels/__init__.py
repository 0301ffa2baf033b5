"""Computation of 1 − SSIM, its map and its gradients, by fused kernels or by plain torch."""
