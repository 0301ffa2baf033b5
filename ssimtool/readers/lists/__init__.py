"""Lists of pairs, and records read back."""
