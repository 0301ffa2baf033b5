"""Adapters of metrics that other libraries compute, for the extra `metrics`."""
