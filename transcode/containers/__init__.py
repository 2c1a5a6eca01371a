"""Containers as bytes: taking them apart and writing them, without any input or output."""
