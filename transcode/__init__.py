"""The converter: media facts and a screen in, a plan and bytes out. Knows no keys, no gateway."""
