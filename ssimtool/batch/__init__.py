"""Compare many pairs: read a stream of pairs, return a stream of records in the same order."""
