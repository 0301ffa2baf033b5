"""Image files to samples."""
