"""Draws the transaction tables as state diagrams for docs/sip.md."""

from __future__ import annotations

from sip.signalling.transaction import CLIENT_INVITE, CLIENT_OTHER, SERVER_INVITE, SERVER_OTHER, Table

DRAWN = {
    "Client, INVITE": CLIENT_INVITE,
    "Client, all other methods": CLIENT_OTHER,
    "Server, INVITE": SERVER_INVITE,
    "Server, all other methods": SERVER_OTHER,
}


def diagram(table: Table) -> str:
    """Draw one table for Mermaid."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table))[0]}"]
    for (state, event), (after, actions) in table.items():
        deeds = ", ".join(actions)
        lines.append(f"    {state} --> {after}: {event}{' / ' + deeds if deeds else ''}")
    return "\n".join(lines)


def chapter() -> str:
    """Draw all four."""
    return "\n".join(f"### {title}\n\n```mermaid\n{diagram(table)}\n```\n" for title, table in DRAWN.items())
