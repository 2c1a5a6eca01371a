"""Walking the sources and looking into what was found. Knows no HTTP, no SQL."""
