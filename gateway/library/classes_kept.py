"""For which classes of players texts are stored: those that asked, the generic one always.

A class met for the first time is answered by rendering on the fly, while its texts are written in
batches behind.
"""

from __future__ import annotations

import apsw

from gateway.library.fragments import GENERIC, FragmentRenderer, fingerprint
from gateway.library.item_rows import SELECT_ITEM, item_of_row
from gateway.library.statements import numbers, step
from gateway.library.tree import Tree

MAX_CLASSES = 8
BATCH = 200


def prepare(connection: apsw.Connection, tree: Tree, fragments: FragmentRenderer) -> None:
    """At the start: the generic class is kept; texts of another renderer are dropped."""
    mark = fingerprint(fragments)
    known = connection.execute(step("get_meta"), ("fragments",)).get
    if known != mark:
        connection.execute(step("clear_fragments"))
        connection.execute(step("incomplete_classes"))
        connection.execute(step("set_meta"), ("fragments", mark))
    connection.execute(step("insert_class"), (GENERIC,))
    if connection.execute(step("last_item_id")).get == 0:
        connection.execute("UPDATE profile_class SET is_complete = 1")
    tree.forget()
    tree.load(connection)
    if known != mark:
        for number in numbers(connection.execute(step("containers_with_children"))):
            tree.render_container(connection, number)


def fill_batch(
    connection: apsw.Connection, tree: Tree, one: tuple[int, str], after: int
) -> int | None:
    """Write a batch of a class's texts; the last item id written, or None at the end."""
    rows = connection.execute(step("items_after", columns=SELECT_ITEM), (after, BATCH))
    items = [item_of_row(row) for row in rows]
    for item in items:
        tree.render_item(connection, item, one)
    if items:
        return items[-1].id
    for number in numbers(connection.execute(step("containers_with_children"))):
        tree.render_container(connection, number, one)
    connection.execute(step("complete_class"), (one[0],))
    return None
