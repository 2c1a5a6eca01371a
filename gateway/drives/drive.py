"""A drive: one host seen through one vault. Clear paths in, clear entries and readers out."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import aclosing

from gateway.drives.base import Entry, KeyProof, Listing
from gateway.drives.cache import BlockCache
from gateway.drives.downloads import Downloads
from gateway.drives.reader import FarReader, NearReader, OpenedFile, Scratch, make_etag, name_place
from gateway.drives.shelf import Shelf
from gateway.errors import (
    BadName,
    Corrupt,
    HostNonsense,
    NotAVault,
    NotFound,
    Truncated,
    WrongKey,
)
from gateway.hosts.base import Entries, Host, Stored
from gateway.hosts.local import LocalHost
from gateway.spans import Span
from gateway.tasks import Tasks
from gateway.vaults.base import FolderKey, NeedMore, Sealed, Vault

READ_AHEAD_BYTES = 512 << 10
"""Most stored bytes a download fetches before they are asked for."""
_READ_AHEAD_BUDGET_BYTES = 8 << 20
"""The same for all downloads of a drive together: 60 stalled viewers stay below 60 MB."""
_SHELF_BYTES = 4 << 20
_KNOWN_FILES = 4096
_KNOWN_FOLDERS = 4096
_FIRST_BLOCK_BYTES = 65552
_INLINE_NAMES = 100
"""More names than this are opened in a thread. Source: measured.md 1, EME: 13 us each."""
_PROOF_FOLDERS = 50
_PROOF_FILES = 3
_NO_KEY = FolderKey()


class Drive:
    """Safe for many readers at once. Owned and closed by ``app``, after its readers."""

    def __init__(
        self,
        name: str,
        host: Host,
        vault: Vault,
        cache: BlockCache | None = None,
        read_ahead_bytes: int = READ_AHEAD_BYTES,
    ) -> None:
        self.name = name
        self.host = host
        self.vault = vault
        self._near = host if isinstance(host, LocalHost) else None
        # Clear bytes never go to the disk, and what lies on this disk need not go there twice.
        self._shelf = Shelf(
            _SHELF_BYTES, cache if vault.is_encrypted and self._near is None else None
        )
        self._scratch = Scratch()
        self._downloads = Downloads(
            host, read_ahead_bytes, max(read_ahead_bytes, _READ_AHEAD_BUDGET_BYTES)
        )
        self._tasks = Tasks(f"drive {name}")
        self._opened: OrderedDict[bytes, Sealed] = OrderedDict()
        self._opening: dict[bytes, asyncio.Task[Sealed]] = {}
        self._folders: OrderedDict[str, str] = OrderedDict({"": ""})

    async def list(self, path: str) -> Listing:
        """Clear entries directly inside a folder.

        Raises:
            NotFound: no such folder.
            HostError: the listing failed.
        """
        stored_folder = await self._stored_folder(path)
        stored = await self.host.list(stored_folder)
        if len(stored) > _INLINE_NAMES:
            listing = await asyncio.to_thread(self._clear_entries, path, stored)
        else:
            listing = self._clear_entries(path, stored)
        for entry in listing.entries:
            if entry.is_folder:
                self._remember_folder(entry.path, entry.stored.path)
        return listing

    async def stat(self, path: str) -> Entry:
        """One clear entry; names that cannot be sealed are looked up in their folder's listing.

        Raises:
            NotFound: no such entry.
            HostError: the host failed.
        """
        if not path:
            stored = await self.host.stat("")
            return Entry("", True, 0, stored.version, stored.modified_s, stored)
        above, _, name = path.rpartition("/")
        folder = await self._stored_folder(above)
        for is_folder in (False, True):
            try:
                sealed_name = self.vault.stored_name(name, _NO_KEY, is_folder=is_folder)
                stored = await self.host.stat(_join(folder, sealed_name))
            except (NotFound, BadName):
                continue
            entry = self._clear_entry(above, stored)
            if entry is not None and stored.is_folder == is_folder and entry.path == path:
                return entry
        return await self._find(path)

    async def open(self, entry: Entry) -> NearReader | FarReader:
        """Open a file for clear reads; its first block is fetched with its header.

        Raises:
            NotFound, HostError: the host's.
            NotAVault, Truncated, WrongKey: the vault's.
        """
        item = entry.stored
        if entry.is_folder:
            raise NotFound(f"{entry.path} is a folder, not a file")
        place = name_place(self.name, item)
        sealed = self._opened.get(place)
        if sealed is None:
            sealed = await self._open_once(place, item)
        else:
            self._opened.move_to_end(place)
        file = OpenedFile(
            item=item,
            sealed=sealed,
            place=place,
            etag=make_etag(item, sealed.identity, self.vault.format_name),
            is_encrypted=self.vault.is_encrypted and sealed.geometry.overhead_bytes > 0,
        )
        if self._near is not None:
            return NearReader(file, self._near, self._scratch)
        return FarReader(file, self.host, self._shelf, self._downloads)

    async def prove_key(self) -> KeyProof:
        """Find out whether the key is the right one, by names and by first blocks.

        Raises:
            WrongKey: names or first blocks do not open.
            HostError: the host failed.
        """
        if not self.vault.is_encrypted:
            return KeyProof.PROVEN
        folders = [""]
        failed_files = 0
        names_prove = False
        for _ in range(_PROOF_FOLDERS):
            if not folders:
                break
            listing = await self.list(folders.pop(0))
            names_prove |= self._check_names(listing)
            for entry in listing.entries:
                if entry.is_folder:
                    folders.append(entry.path)
                elif failed_files < _PROOF_FILES and entry.size_bytes:
                    opens = await self._first_block_opens(entry)
                    if opens:
                        return KeyProof.PROVEN
                    failed_files += opens is False
        if failed_files and not names_prove:
            raise WrongKey(
                f"the password does not open the files of {self.name}; give the right one "
                "(and the right salt, password2, if the remote has one)"
            )
        return KeyProof.PROVEN if names_prove else KeyProof.CANNOT_TELL

    async def close(self) -> None:
        """End all host reads and close the host."""
        await self._tasks.close()
        await self._downloads.close()
        await self.host.close()

    # Names

    def _clear_entries(self, path: str, stored: Entries) -> Listing:
        entries = []
        bad_names = bad_sizes = 0
        for item in stored:
            try:
                entry = self._clear_entry(path, item)
            except BadName:
                bad_names += 1
                continue
            if entry is None:
                bad_sizes += 1
            else:
                entries.append(entry)
        return Listing(tuple(entries), bad_names, bad_sizes)

    def _clear_entry(self, folder: str, item: Stored) -> Entry | None:
        """The clear side of a stored entry; None when no file can have its size."""
        stored_name = item.name if self.vault.is_encrypted else _presentable(item.name)
        name = self.vault.clear_name(stored_name, _NO_KEY, is_folder=item.is_folder)
        try:
            size_bytes = 0 if item.is_folder else self.vault.clear_size(item.size_bytes)
        except Truncated:
            return None
        return Entry(
            path=_join(folder, name),
            is_folder=item.is_folder,
            size_bytes=size_bytes,
            version=item.version,
            modified_s=item.modified_s,
            stored=item,
        )

    async def _stored_folder(self, path: str) -> str:
        """Stored path of a clear folder: as once listed, else sealed name by name."""
        if (known := self._folders.get(path)) is not None:
            return known
        above, _, name = path.rpartition("/")
        folder = await self._stored_folder(above)
        if name != _presentable(name) or "\\" in name:
            return (await self._find(path)).stored.path
        try:
            return _join(folder, self.vault.stored_name(name, _NO_KEY, is_folder=True))
        except BadName:
            raise NotFound(f"{path} does not exist on {self.name}") from None

    async def _find(self, path: str) -> Entry:
        """Look an entry up in its folder's listing."""
        for entry in (await self.list(path.rpartition("/")[0])).entries:
            if entry.path == path:
                return entry
        raise NotFound(f"{path} does not exist on {self.name}")

    def _remember_folder(self, path: str, stored_path: str) -> None:
        self._folders[path] = stored_path
        self._folders.move_to_end(path)
        if len(self._folders) > _KNOWN_FOLDERS:
            self._folders.popitem(last=False)
            self._folders[""] = ""

    # Opening

    async def _open_once(self, place: bytes, item: Stored) -> Sealed:
        """Open a file; those who ask at the same time share one host read."""
        opening = self._opening.get(place)
        if opening is None:
            opening = self._tasks.start("open", self._open_head(place, item))
            self._opening[place] = opening
            opening.add_done_callback(lambda _: self._opening.pop(place, None))
        return await asyncio.shield(opening)

    async def _open_head(self, place: bytes, item: Stored) -> Sealed:
        head = b""
        want_bytes = self.vault.head_bytes
        while True:
            # From elsewhere the first block comes in the same request: players begin there.
            ahead = _FIRST_BLOCK_BYTES if self._near is None and want_bytes else 0
            stop = min(want_bytes + ahead, item.size_bytes)
            if stop > len(head):
                head = await self._read_stored(item, Span(0, stop))
            opened = self.vault.open(head[: max(want_bytes, 0)], item.size_bytes)
            if not isinstance(opened, NeedMore):
                break
            if opened.head_bytes <= want_bytes or want_bytes >= item.size_bytes:
                raise Truncated(f"{item.name} ends inside its header")
            want_bytes = opened.head_bytes
        self._keep_first_block(place, item, opened, head)
        self._opened[place] = opened
        if len(self._opened) > _KNOWN_FILES:
            self._opened.popitem(last=False)
        return opened

    def _keep_first_block(self, place: bytes, item: Stored, sealed: Sealed, head: bytes) -> None:
        geometry = sealed.geometry
        first = geometry.blocks_stored(Span(0, 1)).clamp(item.size_bytes)
        if first.length_bytes and self._near is None and len(head) >= first.stop:
            # To memory only: it goes to the disk when it has proved good.
            block = head[first.start : first.stop]
            self._shelf.put(place, 0, block, is_cipher=False)

    async def _read_stored(self, item: Stored, span: Span) -> bytes:
        data = bytearray()
        async with aclosing(self.host.read(item, span)) as pieces:
            async for piece in pieces:
                data += piece
        if len(data) != span.length_bytes:
            raise HostNonsense(f"{len(data)} bytes of {item.name} came, not {span.length_bytes}")
        return bytes(data)

    # The key

    def _check_names(self, listing: Listing) -> bool:
        """Whether the names of a listing prove the key.

        Raises:
            WrongKey: hardly one of many names opens.
        """
        good = len(listing.entries) + listing.bad_sizes
        if not self._names_are_opaque():
            return False
        # A wrong key passes by chance in 1 of 255 names. Source: vaults.md 4, trap 2.
        if listing.bad_names > 8 * good:
            raise WrongKey(
                f"{listing.bad_names} names of {self.name} do not decrypt and {good} do: give the "
                "right password (and the right salt, password2, if the remote has one)"
            )
        return any(self._refuses_others(is_folder=entry.is_folder) for entry in listing.entries)

    def _names_are_opaque(self) -> bool:
        return "vaultcast" not in self.vault.stored_name("vaultcast", _NO_KEY, is_folder=False)

    def _refuses_others(self, *, is_folder: bool) -> bool:
        """Whether names sealed under another key are refused (obfuscated ones never are)."""
        try:
            self.vault.clear_name("0.vaultcast", _NO_KEY, is_folder=is_folder)
        except BadName:
            return True
        return False

    async def _first_block_opens(self, entry: Entry) -> bool | None:
        """Whether the first block authenticates; None when the file tells nothing."""
        try:
            reader = await self.open(entry)
            async with aclosing(reader.read(Span(0, 1))) as pieces:
                async for _ in pieces:
                    pass
        except (Corrupt, WrongKey):
            return False
        except (NotAVault, Truncated, NotFound):
            return None
        return self.vault.head_bytes > 0


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _presentable(name: str) -> str:
    """A name that any text can carry: bytes that are no UTF-8 become visible escapes."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
