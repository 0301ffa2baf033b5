"""Array files to samples."""
