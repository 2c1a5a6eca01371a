"""Guessing: what a file is from its name, its tags and its bytes. Pure; opens nothing."""
