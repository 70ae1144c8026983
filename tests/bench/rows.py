"""The rows that a benchmark part leaves behind."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path("var/bench")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer's of the same run.

    Args:
        what: what was measured, with its load ("key to prompt p99, 500 calls").
        value: our figure in `unit`.
        unit: e.g. "us", "calls/s", "ms per call-second".
        peer: who the figure is compared with.
        peer_value: the peer's figure in the same unit.
    """

    what: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our figure as a multiple of the peer's."""
        return self.value / self.peer_value if self.peer_value else None


def write(part: str, rows: list[Row]) -> Path:
    """Write var/bench/<part>.json and print the rows as a table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{part}.json"
    path.write_text(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows], indent=1) + "\n")
    for row in rows:
        peer = f"  {row.peer} {row.peer_value:.4g} (ratio {row.ratio:.3g})" if row.ratio is not None else ""
        print(f"{part:10} {row.what:48} {row.value:10.4g} {row.unit}{peer}")  # noqa: T201  # a report to a terminal
    return path
