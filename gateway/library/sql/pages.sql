-- name: page
SELECT p.entry, f.xml
FROM page p LEFT JOIN fragment f ON f.class = ?2 AND f.place = p.place AND f.entry = p.entry
WHERE p.container = ?1 AND p.rank >= ?3 AND p.rank < ?4
ORDER BY p.rank

-- name: page_entries
SELECT entry FROM page WHERE container = ? AND rank >= ? AND rank < ? ORDER BY rank

-- name: sorted_entries
SELECT p.entry
FROM page p
LEFT JOIN item i ON i.id = p.entry
LEFT JOIN container c ON c.id = -p.entry
WHERE p.container = ?
ORDER BY {order}, p.rank
LIMIT ? OFFSET ?

-- name: recent_page
SELECT i.id, f.xml
FROM (SELECT i.id, i.place, i.added_s FROM item i JOIN source s ON s.id = i.source
      WHERE i.deleted_s IS NULL AND s.state <> 'locked'
      ORDER BY i.added_s DESC, i.id DESC LIMIT ?3 OFFSET ?2) i
LEFT JOIN fragment f ON f.class = ?1 AND f.place = i.place AND f.entry = i.id
ORDER BY i.added_s DESC, i.id DESC

-- name: fragment
SELECT entry, xml FROM fragment WHERE class = ? AND place = ? AND entry = ?

-- name: home_of_item
SELECT c.object_id, i.place FROM item i JOIN source s ON s.id = i.source JOIN container c ON c.id = i.home
WHERE i.id = ? AND i.deleted_s IS NULL AND s.state <> 'locked'

-- name: child_groups
SELECT c.object_id, c.title, c.child_count, c.sample_item, c.artist, c.number
FROM page p JOIN container c ON c.id = -p.entry
WHERE p.container = ?1 AND p.entry < 0
ORDER BY p.rank LIMIT ?2 OFFSET ?3

-- name: count_child_groups
SELECT count(*) FROM page WHERE container = ? AND entry < 0

-- name: update_ids
SELECT object_id, update_id FROM container
