"""Puts the rooms together: every constructor, in floor order."""
