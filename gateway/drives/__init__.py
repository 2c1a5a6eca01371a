"""One host through one vault: clear entries and clear spans. No HTTP, no SQL."""
