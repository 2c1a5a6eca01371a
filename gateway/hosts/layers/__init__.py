"""Wrappers that are hosts themselves: they act when a read opens or reconnects, never per byte."""
