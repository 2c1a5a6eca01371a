CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

INSERT INTO meta VALUES ('system_update_id', 1);

CREATE TABLE keep (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE source (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    item_count INTEGER NOT NULL DEFAULT 0,
    last_scan_s REAL,
    scan INTEGER NOT NULL DEFAULT 0,
    shrunk INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE item (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source INTEGER NOT NULL REFERENCES source (id),
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    mime TEXT NOT NULL,
    title TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    version TEXT NOT NULL,
    added_s REAL NOT NULL,
    identity TEXT,
    probe TEXT NOT NULL DEFAULT 'unknown',
    duration_s REAL,
    width INTEGER,
    height INTEGER,
    bitrate_kbps INTEGER,
    year INTEGER,
    series TEXT,
    season INTEGER,
    episode INTEGER,
    artist TEXT,
    album TEXT,
    album_artist TEXT,
    genre TEXT,
    track_number INTEGER,
    disc_number INTEGER,
    taken_s REAL,
    modified_s REAL,
    orientation INTEGER NOT NULL DEFAULT 1,
    has_art INTEGER NOT NULL DEFAULT 0,
    tile BLOB,
    home INTEGER NOT NULL DEFAULT 0,
    place TEXT NOT NULL DEFAULT '',
    place_key TEXT NOT NULL,
    deleted_s REAL,
    listed TEXT NOT NULL,
    known TEXT,
    probe_reason TEXT,
    facts_json TEXT
);
CREATE UNIQUE INDEX item_path ON item (source, path);
CREATE INDEX item_added ON item (added_s DESC, id DESC) WHERE deleted_s IS NULL;
CREATE INDEX item_identity ON item (identity) WHERE identity IS NOT NULL;
CREATE INDEX item_position ON item (place_key);
CREATE INDEX item_unprobed ON item (id) WHERE probe = 'unknown' AND deleted_s IS NULL;
CREATE INDEX item_deleted ON item (deleted_s) WHERE deleted_s IS NOT NULL;
CREATE INDEX item_kind ON item (kind, place, id) WHERE deleted_s IS NULL;

CREATE TABLE sighting (
    item INTEGER PRIMARY KEY,
    scan INTEGER NOT NULL
);

CREATE TABLE art (
    item INTEGER PRIMARY KEY,
    jpeg BLOB NOT NULL
);

CREATE TABLE media_index (
    identity TEXT PRIMARY KEY,
    data BLOB NOT NULL,
    saved_s REAL NOT NULL
);

CREATE TABLE position (
    place_key TEXT NOT NULL,
    profile TEXT NOT NULL,
    position_s REAL NOT NULL,
    duration_s REAL,
    watched INTEGER NOT NULL,
    updated_s REAL NOT NULL,
    PRIMARY KEY (place_key, profile)
) WITHOUT ROWID;
CREATE INDEX position_recent ON position (profile, updated_s DESC) WHERE position_s > 0;

-- The tree: a container's entries are items (positive) and containers (their id, negative).
CREATE TABLE container (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    object_id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    parent INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    title TEXT NOT NULL,
    upnp_class TEXT NOT NULL,
    sort TEXT NOT NULL,
    is_fixed INTEGER NOT NULL DEFAULT 0,
    artist TEXT,
    number INTEGER,
    child_count INTEGER NOT NULL DEFAULT 0,
    sample_item INTEGER,
    update_id INTEGER NOT NULL DEFAULT 1,
    is_stale INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE member (
    container INTEGER NOT NULL,
    sort TEXT NOT NULL,
    entry INTEGER NOT NULL,
    place TEXT NOT NULL,
    source INTEGER,
    PRIMARY KEY (container, sort, entry)
) WITHOUT ROWID;
CREATE INDEX member_entry ON member (entry);

-- The visible members in order, numbered without gaps, so that any page is one range.
CREATE TABLE page (
    container INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (container, rank)
) WITHOUT ROWID;

CREATE TABLE profile_class (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_complete INTEGER NOT NULL DEFAULT 0
);

-- Rendered texts lie in title order, so that a page of a list lies together on disk.
CREATE TABLE fragment (
    class INTEGER NOT NULL,
    place TEXT NOT NULL,
    entry INTEGER NOT NULL,
    xml TEXT NOT NULL,
    PRIMARY KEY (class, place, entry)
) WITHOUT ROWID;
