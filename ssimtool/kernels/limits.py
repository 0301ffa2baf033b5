"""What the fused kernels are for."""

# The fused kernels hold as many rows as a window has, on the way back three times as many, for
# each thread: at this size some 14 MB. Beyond it they are left to torch.
FUSED_WINDOW = 127
