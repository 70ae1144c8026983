"""The command `rufweiche`: reads arguments, calls a room, prints; no logic."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def rufweiche() -> None:
    """Rufweiche nimmt Anrufe an, schickt Links und sammelt Rückrufe. Call deflection for medical practices."""


def main() -> None:
    """Run the command line."""
    app()
