-- name: insert_container
INSERT INTO container (object_id, key, parent, depth, title, upnp_class, sort, is_fixed, artist, number)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: name_container
UPDATE container SET object_id = ? WHERE id = ?

-- name: all_containers
SELECT key, id, depth, object_id FROM container

-- name: container_row
SELECT id, object_id, key, parent, depth, title, upnp_class, sort, is_fixed, artist, number, child_count,
       sample_item, update_id
FROM container WHERE id = ?

-- name: container_by_object
SELECT id, object_id, key, parent, depth, title, upnp_class, sort, is_fixed, artist, number, child_count,
       sample_item, update_id
FROM container WHERE object_id = ?

-- name: set_container_state
UPDATE container SET child_count = ?, sample_item = ?, is_stale = 0 WHERE id = ?

-- name: mark_stale
UPDATE container SET is_stale = 1 WHERE id = ? AND is_stale = 0

-- name: stale_containers
SELECT id FROM container WHERE is_stale = 1

-- name: set_update_id
UPDATE container SET update_id = ? WHERE id = ?

-- name: bump_system_update_id
UPDATE meta SET value = (value + 1) % 4294967296 WHERE name = 'system_update_id' RETURNING value

-- name: memberships
SELECT container, sort, place FROM member WHERE entry = ?

-- name: insert_member
INSERT OR REPLACE INTO member (container, sort, entry, place, source) VALUES (?, ?, ?, ?, ?)

-- name: delete_member
DELETE FROM member WHERE container = ? AND sort = ? AND entry = ?

-- name: containers_of_source
SELECT DISTINCT container FROM member WHERE source = ?

-- name: clear_page
DELETE FROM page WHERE container = ?

-- name: fill_page
INSERT INTO page (container, rank, entry, place)
SELECT container, row_number() OVER (ORDER BY sort, entry) - 1, entry, place
FROM member
WHERE container = ?
  AND (source IS NULL OR source NOT IN (SELECT id FROM source WHERE state = 'locked'))

-- name: count_page
SELECT count(*) FROM page WHERE container = ?

-- name: sample_of_page
SELECT p.entry, i.has_art, c.sample_item
FROM page p
LEFT JOIN item i ON i.id = p.entry
LEFT JOIN container c ON c.id = -p.entry
WHERE p.container = ? AND p.rank < 24
ORDER BY p.rank

-- name: visible_count
SELECT coalesce(sum(item_count), 0) FROM source WHERE state <> 'locked'

-- name: classes
SELECT id, name, is_complete FROM profile_class

-- name: insert_fragment
INSERT OR REPLACE INTO fragment (class, place, entry, xml) VALUES (?, ?, ?, ?)

-- name: delete_fragment
DELETE FROM fragment WHERE class = ? AND place = ? AND entry = ?

-- name: index_items
SELECT i.id, i.title, i.kind, i.mime, c.object_id, i.artist, i.album, i.album_artist, i.genre, i.year,
       i.taken_s, i.modified_s, i.size_bytes, i.duration_s, i.track_number, i.disc_number, i.season, i.episode
FROM item i INDEXED BY item_kind
CROSS JOIN source s ON s.id = i.source LEFT JOIN container c ON c.id = i.home
WHERE i.deleted_s IS NULL AND i.kind = ? AND s.state <> 'locked'
ORDER BY i.place, i.id

-- name: index_containers
SELECT c.id, c.title, c.upnp_class, c.object_id, p.object_id, c.artist
FROM container c JOIN container p ON p.id = c.parent
WHERE c.is_fixed = 0 AND c.child_count > 0

-- name: descendants
WITH RECURSIVE below (entry) AS (
    SELECT entry FROM page WHERE container = ?
    UNION
    SELECT p.entry FROM below b JOIN page p ON b.entry < 0 AND p.container = -b.entry
)
SELECT entry FROM below

-- name: is_locked
SELECT state = 'locked' FROM source WHERE id = ?
