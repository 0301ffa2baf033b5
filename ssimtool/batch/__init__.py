"""Many pairs: a stream of pairs in, a stream of records out, in order."""
