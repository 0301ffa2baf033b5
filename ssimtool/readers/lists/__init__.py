"""Read lists of pairs, and records that a batch wrote."""
