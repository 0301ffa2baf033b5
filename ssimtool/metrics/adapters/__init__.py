"""Metrics that other libraries compute: the extra `metrics`."""
