-- name: item_by_path
SELECT id, version, size_bytes, listed, deleted_s, known, identity FROM item WHERE source = ? AND path = ?

-- name: item_any
SELECT {columns} FROM item i JOIN source s ON s.id = i.source WHERE i.id = ?

-- name: item_visible
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.id = ? AND i.deleted_s IS NULL AND s.state <> 'locked'

-- name: items_of_ids
SELECT {columns} FROM json_each(?) wanted CROSS JOIN item i ON i.id = wanted.value
JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked'
ORDER BY wanted.key

-- name: marks_of_item
SELECT listed, known, place_key FROM item WHERE id = ?

-- name: scan_of_source
SELECT scan FROM source WHERE id = ?

-- name: last_used_id
SELECT seq FROM sqlite_sequence WHERE name = 'item'

-- name: insert_item
INSERT INTO item ({columns}) VALUES ({values})

-- name: update_item
UPDATE item SET {columns} WHERE id = ?

-- name: set_item_place
UPDATE item SET home = ?, place = ? WHERE id = ? AND (home <> ? OR place <> ?)

-- name: see_item
INSERT OR REPLACE INTO sighting (item, scan) VALUES (?, ?)

-- name: vanished_items
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.source = ?1 AND i.deleted_s IS NULL
  AND i.id NOT IN (SELECT g.item FROM sighting g WHERE g.scan = ?2)

-- name: items_new_since
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.source = ?1 AND i.deleted_s IS NULL AND i.id > ?2

-- name: delete_item_softly
UPDATE item SET deleted_s = ? WHERE id = ?

-- name: count_items
UPDATE source SET item_count = (SELECT count(*) FROM item i WHERE i.source = source.id AND i.deleted_s IS NULL)
WHERE id = ? RETURNING item_count

-- name: add_to_count
UPDATE source SET item_count = item_count + ? WHERE id = ?

-- name: erase_item
DELETE FROM item WHERE id = ?

-- name: erase_sighting
DELETE FROM sighting WHERE item = ?

-- name: erase_art
DELETE FROM art WHERE item = ?

-- name: items_to_purge
SELECT id FROM item WHERE deleted_s < ? LIMIT ?

-- name: lost_twin
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.identity = ?1 AND i.size_bytes = ?2 AND i.id <> ?3 AND i.deleted_s IS NOT NULL
ORDER BY i.deleted_s DESC LIMIT 1

-- name: items_to_probe
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.probe = 'unknown' AND i.deleted_s IS NULL AND s.state NOT IN ('locked', 'away')
ORDER BY i.id DESC LIMIT ?

-- name: items_after
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.id > ? AND i.deleted_s IS NULL ORDER BY i.id LIMIT ?

-- name: recent_items
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked'
ORDER BY i.added_s DESC, i.id DESC LIMIT ? OFFSET ?

-- name: kind_counts
SELECT i.kind, count(*) FROM item i INDEXED BY item_kind JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked' GROUP BY i.kind

-- name: list_items
SELECT {columns} FROM item i JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked' AND {filters}
ORDER BY {order} LIMIT ? OFFSET ?

-- name: count_listed
SELECT count(*) FROM item i JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked' AND {filters}

-- name: ids_listed
SELECT i.id FROM item i JOIN source s ON s.id = i.source
WHERE i.deleted_s IS NULL AND s.state <> 'locked' AND {filters}

-- name: begun_items
SELECT {columns}, p.position_s, p.duration_s, p.watched, p.updated_s
FROM position p
JOIN item i ON i.id = (
    SELECT min(o.id) FROM item o JOIN source os ON os.id = o.source
    WHERE o.place_key = p.place_key AND o.deleted_s IS NULL AND os.state <> 'locked')
JOIN source s ON s.id = i.source
WHERE p.profile = ? AND p.position_s > 0
ORDER BY p.updated_s DESC LIMIT ?
