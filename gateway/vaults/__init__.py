"""Vault formats: keys, names, and block *n* to clear bytes. Pure: no socket, path or time."""
