"""Child side of the workers: runs confined, sees clear bytes only through its socket."""
