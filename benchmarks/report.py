"""Rows of a benchmark: figures, the ratio to the peer, and whether the bar is met."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One comparison; ``figures`` by server."""

    what: str
    figures: Mapping[str, float]
    ratio: float | None = None
    bar: str = ""
    is_met: bool | None = None

    @classmethod
    def compare(
        cls,
        what: str,
        figures: Mapping[str, float],
        peer: str,
        *,
        bar: float | None,
        is_most: bool,
    ) -> Row:
        """Our figure over the peer's; ``is_most``: the bar is the greatest good ratio."""
        ratio = figures["vaultcast"] / figures[peer]
        if bar is None:
            return cls(what, figures, ratio)
        is_met = ratio <= bar if is_most else ratio >= bar
        return cls(what, figures, ratio, f"{'≤' if is_most else '≥'} {bar:g}× {peer}", is_met)


def render(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | figures | ratio | bar | |", "|---|---|---|---|---|"]
    for row in rows:
        figures = ", ".join(f"{name} {value:.3g}" for name, value in row.figures.items())
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        said = {True: "met", False: "**missed**", None: ""}[row.is_met]
        lines.append(f"| {row.what} | {figures} | {ratio} | {row.bar} | {said} |")
    return "\n".join(lines) + "\n"


def write(rows: list[Row], folder: Path) -> None:
    """Keep the rows as JSON and Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    when = datetime.now(UTC).isoformat(timespec="minutes")
    record = {
        "when": when,
        "machine": platform.platform(),
        "rows": [asdict(row) for row in rows],
    }
    (folder / "latest.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    (folder / "latest.md").write_text(f"{when}\n\n{render(rows)}")
