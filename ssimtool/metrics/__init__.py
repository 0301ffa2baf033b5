"""Metrics and losses on tensors, without files or output. `public` lists them and loads torch."""
