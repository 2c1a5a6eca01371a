"""Us and the peers, in turn, on the same files: only the ratios mean anything."""
