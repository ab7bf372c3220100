"""Metrics: pure functions, tensors in, one number an image out; ratios are left to the tables."""
