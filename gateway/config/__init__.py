"""Settings and sources: read, checked, resolved; nothing is opened here."""
