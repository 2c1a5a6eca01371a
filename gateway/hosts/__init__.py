"""Storage places: stored bytes and listings, never keys or clear names."""
