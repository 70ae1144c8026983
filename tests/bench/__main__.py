"""`python -m tests.bench [PART ...]`: run benchmark parts, each `tests/bench/<part>.py` with a `main()`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from tests.bench._watched import end_in_order

HELPERS = {"__main__", "rows"}


def parts() -> list[str]:
    """Return the names of all parts."""
    found = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in found if module.name not in HELPERS and module.name[0] != "_")


def main(wanted: list[str]) -> int:
    """Run the wanted parts, all of them when none is named; a part that is unknown is a fault."""
    unknown = set(wanted) - set(parts())
    if unknown:
        sys.stderr.write(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts())}\n")
        return 2
    for part in wanted or parts():
        importlib.import_module(f"tests.bench.{part}").main()
    return 0


if __name__ == "__main__":
    end_in_order()
    sys.exit(main(sys.argv[1:]))
