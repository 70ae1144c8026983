"""The node kinds of the flow language, one file each.

A new kind is one new file in this folder: its class is found here, and with it schema, checker,
documentation test and coverage know it.
"""

from __future__ import annotations

import importlib
import pkgutil

from callflow.kinds.base import Kind


def _found() -> dict[str, type[Kind]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    pending, kinds = [Kind], dict[str, type[Kind]]()
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if "word" in vars(kind):
            kinds[kind.word] = kind
    return dict(sorted(kinds.items()))


KINDS = _found()

__all__ = ["KINDS", "Kind"]
