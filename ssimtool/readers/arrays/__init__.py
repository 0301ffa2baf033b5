"""Read array files."""
