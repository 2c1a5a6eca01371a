"""The upnp:class of what a library holds; listing and search must agree on it.

Source: UPnP ContentDirectory:1, appendix C; dlna.md 6.2.
"""

from __future__ import annotations

MOVIE = "object.item.videoItem.movie"
VIDEO = "object.item.videoItem"
TRACK = "object.item.audioItem.musicTrack"
PHOTO = "object.item.imageItem.photo"
FOLDER = "object.container.storageFolder"
ALBUM = "object.container.album.musicAlbum"
PHOTO_ALBUM = "object.container.album.photoAlbum"

_BY_KIND = {"film": MOVIE, "episode": VIDEO, "track": TRACK, "photo": PHOTO}
_BY_TYPE = {"video": VIDEO, "audio": TRACK, "image": PHOTO}


def item_class(kind: str, mime: str) -> str:
    """Class of an item by its kind, else by its mime type."""
    return _BY_KIND.get(kind) or _BY_TYPE.get(mime.partition("/")[0], "object.item")
