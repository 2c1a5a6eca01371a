"""What plays where: opened items, plans, positions, and the screens that are connected."""
