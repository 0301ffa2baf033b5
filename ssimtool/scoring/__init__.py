"""One pair of images: checked, scored, explained."""
