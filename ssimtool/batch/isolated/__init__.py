"""Decode pairs in other processes, so that a crash of a decoder costs one pair."""
