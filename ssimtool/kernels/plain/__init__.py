"""Plain torch backend: the same numbers by torch operations, on every device."""
