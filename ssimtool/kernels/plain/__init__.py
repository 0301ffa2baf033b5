"""The same numbers by torch operations, on every device."""
