"""How 1 − SSIM, its map and its gradients are computed."""
