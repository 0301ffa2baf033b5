"""Read images and arrays into samples, and make two images comparable."""
