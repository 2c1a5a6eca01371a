"""Page records: what each screen shows, ready to print. One record, one template.

Every text here is what the viewer reads; every address is complete. Records know no library, no
host and no request: ``gateway/web/pages.py`` fills them, :mod:`tv_ui.render` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Tone(StrEnum):
    """How a step of the way is coloured."""

    PLAIN = "plain"
    KEY = "key"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Step:
    """One station of the way a film takes; ``tone`` also colours the arrow that leads to it."""

    text: str
    note: str = ""
    tone: Tone = Tone.PLAIN


Way = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One picture to choose, and what the head of the screen says while it has the focus.

    Attributes:
        key: identifier unlike any other of its rail.
        tile: ``data:`` address of the squares that stand there before the picture.
        picture: address of the picture, "" when there is none.
        progress: hundredths seen, None when not begun.
    """

    key: str
    href: str
    title: str
    caption: str
    tile: str
    picture: str = ""
    backdrop: str = ""
    progress: int | None = None
    badge: str = ""
    is_locked: bool = False
    facts: str = ""
    chips: tuple[str, ...] = ()
    text: str = ""
    way: Way = ()


class Shape(StrEnum):
    """Form of the cards of a rail or grid."""

    POSTER = "poster"
    WIDE = "wide"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Rail:
    """A row of cards; ``cards`` are the first of ``total``, the rest comes under ``source``."""

    key: str
    title: str
    shape: Shape
    total: int
    cards: tuple[Card, ...]
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the bar at the top."""

    label: str
    href: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What all screens share: the gateway's name, the server's time and the tabs."""

    name: str
    clock: str
    clock_s: int
    tabs: tuple[Tab, ...] = ()
    tools: tuple[Tab, ...] = ()


@dataclass(frozen=True, slots=True)
class Button:
    """A thing to do, as an address."""

    label: str
    href: str
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list: a folder, a file, a track."""

    title: str
    href: str
    note: str = ""
    number: str = ""
    progress: int | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """The first screen: a head that follows the focus, and rails."""

    template: ClassVar[str] = "home.html"
    frame: Frame
    rails: tuple[Rail, ...]
    noise: str


@dataclass(frozen=True, slots=True)
class EmptyHome:
    """The first screen while no item is there: what is missing and the ways to add it."""

    template: ClassVar[str] = "empty.html"
    frame: Frame
    title: str
    text: str
    commands: tuple[str, ...]
    qr: str
    address: str


@dataclass(frozen=True, slots=True)
class Browse:
    """A grid of one kind."""

    template: ClassVar[str] = "browse.html"
    frame: Frame
    title: str
    count: str
    pills: tuple[Tab, ...]
    grid: Rail
    noise: str
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as stored: folders first, then files."""

    template: ClassVar[str] = "folder.html"
    frame: Frame
    title: str
    text: str
    rows: tuple[Row, ...]
    back_href: str
    newer: Button | None = None
    older: Button | None = None
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """One film, episode or series: what it is, what can be done, what stands beside it."""

    template: ClassVar[str] = "detail.html"
    frame: Frame
    title: str
    over: str
    facts: str
    chips: tuple[str, ...]
    text: str
    way: Way
    backdrop: str
    tile: str
    progress: int | None
    buttons: tuple[Button, ...]
    pills: tuple[Tab, ...]
    rail: Rail | None
    noise: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Album:
    """An album: cover, facts and the list of tracks."""

    template: ClassVar[str] = "album.html"
    frame: Frame
    title: str
    over: str
    facts: str
    way: Way
    picture: str
    tile: str
    rows: tuple[Row, ...]
    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """One entry of what plays one after another."""

    item: int
    title: str
    note: str
    picture: str


@dataclass(frozen=True, slots=True)
class Player:
    """The film, or the music, and what is written over it. Needs its scripts.

    Attributes:
        start_s: where to begin; None begins where the viewer left.
        file: address of the file itself, for a set whose browser runs no scripts.
        queue: what plays after another (music, episodes); has the item itself.
        opens_panel: whether sound and subtitles are open at the start.
    """

    template: ClassVar[str] = "player.html"
    frame: Frame
    item: int
    title: str
    over: str
    is_sound: bool
    start_s: float | None
    back_href: str
    backdrop: str
    tile: str
    way: Way
    file: str
    queue: tuple[Track, ...]
    opens_panel: bool = False


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo over the whole screen; left and right go on."""

    template: ClassVar[str] = "photo.html"
    frame: Frame
    title: str
    facts: str
    picture: str
    preview: str
    tile: str
    place: str
    back_href: str
    previous_href: str
    next_href: str


@dataclass(frozen=True, slots=True)
class PhonePairing:
    """How a phone becomes the remote of this TV."""

    template: ClassVar[str] = "pair.html"
    frame: Frame
    address: str
    code: str
    lasts_s: int
    qr: str


@dataclass(frozen=True, slots=True)
class Lobby:
    """What a TV shows that nobody let in yet: no title, no count, no name of a vault."""

    template: ClassVar[str] = "lobby.html"
    frame: Frame
    number: str
    device: str
    address: str
    qr: str
    mosaic: str
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """A locked vault, or what went wrong: one layout for all, and always a way on."""

    template: ClassVar[str] = "trouble.html"
    frame: Frame
    title: str
    text: str
    way: Way
    buttons: tuple[Button, ...]
    remedy: str
    code: str
    mosaic: str


@dataclass(frozen=True, slots=True)
class PhoneFrame:
    """What the phone's pages share."""

    name: str
    tab: str
    is_owner: bool
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Remote:
    """The pad: which screen, what plays there, and its keys."""

    template: ClassVar[str] = "remote.html"
    frame: PhoneFrame
    target: str
    art: str


@dataclass(frozen=True, slots=True)
class PhoneEntry:
    """A line of the phone's lists; ``item`` is there when it can play on a TV."""

    title: str
    note: str
    href: str
    tile: str
    picture: str
    item: int | None = None
    progress: int | None = None


@dataclass(frozen=True, slots=True)
class PhoneBrowse:
    """Search field, kinds, and a list with small pictures."""

    template: ClassVar[str] = "phone_browse.html"
    frame: PhoneFrame
    title: str
    kinds: tuple[Tab, ...]
    kind: str
    text: str
    entries: tuple[PhoneEntry, ...]
    older: Button | None
    empty: str


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device of the house on the phone."""

    key: str
    name: str
    note: str
    number: str
    is_this: bool = False


@dataclass(frozen=True, slots=True)
class PhoneDevices:
    """Who wants to join, who is in, who is out."""

    template: ClassVar[str] = "phone_devices.html"
    frame: PhoneFrame
    waiting: tuple[DeviceLine, ...]
    inside: tuple[DeviceLine, ...]
    outside: tuple[DeviceLine, ...]


@dataclass(frozen=True, slots=True)
class VaultLine:
    """A source and its state in words."""

    name: str
    state: str
    words: str
    note: str


@dataclass(frozen=True, slots=True)
class PhoneVaults:
    """The state of each source."""

    template: ClassVar[str] = "phone_vaults.html"
    frame: PhoneFrame
    vaults: tuple[VaultLine, ...]


@dataclass(frozen=True, slots=True)
class FirstVisit:
    """A phone nobody knows yet: six digits, or the owner's link."""

    template: ClassVar[str] = "first_visit.html"
    name: str
    number: str
    is_owned: bool


Page = (
    Home
    | EmptyHome
    | Browse
    | Folder
    | Detail
    | Album
    | Player
    | Photo
    | PhonePairing
    | Lobby
    | Trouble
    | Remote
    | PhoneBrowse
    | PhoneDevices
    | PhoneVaults
    | FirstVisit
)
