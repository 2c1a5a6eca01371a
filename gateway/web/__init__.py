"""The HTTP server: media with ranges, playlists, pictures, the JSON API, the socket."""
