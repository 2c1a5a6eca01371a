"""Pictures of the server for the lists of players, of exactly the sizes DLNA names."""
