"""The sealed library: items, tree, positions, and the small things the gateway remembers."""
