-- name: sources
SELECT name, spec, state, reason, item_count, last_scan_s FROM source WHERE removed = 0 ORDER BY id

-- name: source_by_name
SELECT id, state, scan, shrunk, item_count, removed FROM source WHERE name = ?

-- name: insert_source
INSERT INTO source (name, spec, state) VALUES (?, ?, 'ready')
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, removed = 0

-- name: set_source_state
UPDATE source SET state = ?, reason = ? WHERE id = ?

-- name: remove_source
UPDATE source SET removed = 1, spec = '', item_count = 0 WHERE id = ?

-- name: live_items_of_source
SELECT {columns} FROM item i JOIN source s ON s.id = i.source WHERE i.source = ? AND i.deleted_s IS NULL

-- name: begin_scan
UPDATE source SET scan = scan + 1 WHERE id = ? RETURNING scan

-- name: end_scan
UPDATE source SET last_scan_s = ?, shrunk = ? WHERE id = ?

-- name: clear_sightings
DELETE FROM sighting WHERE item IN (SELECT id FROM item WHERE source = ?1) AND scan <> ?2

-- name: last_item_id
SELECT coalesce(max(id), 0) FROM item

-- name: system_update_id
SELECT value FROM meta WHERE name = 'system_update_id'

-- name: get_meta
SELECT value FROM meta WHERE name = ?

-- name: set_meta
INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)

-- name: keep_load
SELECT key, value FROM keep WHERE kind = ?

-- name: keep_save
INSERT OR REPLACE INTO keep (kind, key, value) VALUES (?, ?, ?)

-- name: keep_delete
DELETE FROM keep WHERE kind = ? AND key = ?

-- name: art
SELECT a.jpeg FROM art a JOIN item i ON i.id = a.item JOIN source s ON s.id = i.source
WHERE a.item = ? AND i.deleted_s IS NULL AND s.state <> 'locked'

-- name: save_art
INSERT OR REPLACE INTO art (item, jpeg) VALUES (?, ?)

-- name: media_index
SELECT data FROM media_index WHERE identity = ?

-- name: save_media_index
INSERT OR REPLACE INTO media_index (identity, data, saved_s) VALUES (?, ?, ?)

-- name: purge_media_index
DELETE FROM media_index WHERE saved_s < ? AND identity NOT IN (SELECT identity FROM item WHERE identity IS NOT NULL)

-- name: position_of_item
SELECT p.position_s, p.duration_s, p.watched, p.updated_s
FROM item i JOIN source s ON s.id = i.source
JOIN position p ON p.place_key = i.place_key AND p.profile = ?2
WHERE i.id = ?1 AND i.deleted_s IS NULL AND s.state <> 'locked'

-- name: save_position
INSERT OR REPLACE INTO position (place_key, profile, position_s, duration_s, watched, updated_s)
SELECT place_key, ?2, ?3, ?4, ?5, ?6 FROM item WHERE id = ?1

-- name: move_positions
INSERT INTO position (place_key, profile, position_s, duration_s, watched, updated_s)
SELECT ?2, profile, position_s, duration_s, watched, updated_s FROM position WHERE place_key = ?1
ON CONFLICT (place_key, profile) DO UPDATE SET
    position_s = excluded.position_s, duration_s = excluded.duration_s, watched = excluded.watched,
    updated_s = excluded.updated_s
WHERE excluded.updated_s > position.updated_s

-- name: drop_positions
DELETE FROM position WHERE place_key = ?

-- name: insert_class
INSERT OR IGNORE INTO profile_class (name) VALUES (?)

-- name: complete_class
UPDATE profile_class SET is_complete = 1 WHERE id = ?

-- name: incomplete_classes
UPDATE profile_class SET is_complete = 0

-- name: clear_fragments
DELETE FROM fragment

-- name: containers_with_children
SELECT id FROM container WHERE child_count > 0 OR is_fixed = 1
