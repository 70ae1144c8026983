"""Whether the addresses we want are free, asked before anything is started."""

from __future__ import annotations

import errno
import socket

from callflow.settings import Address


class PortTakenError(RuntimeError):
    """An address that cannot be bound.

    Args:
        option: the setting that chooses it.
        wanted: the address.
        error: what the system says.
    """

    def __init__(self, option: str, wanted: Address, error: OSError | OverflowError) -> None:
        code = getattr(error, "errno", None) or 0
        reason = errno.errorcode.get(code, str(error))
        german, english = _WORDS.get(code, _ANYTHING)
        super().__init__(
            f"{wanted} {german} ({reason}); bitte {option} ändern.\n"
            f"{wanted} {english} ({reason}); please change {option}."
        )


_ANYTHING = ("ist nicht zu haben", "cannot be had")
_WORDS = {
    errno.EADDRINUSE: (
        "ist schon belegt: dort hört ein anderes Programm",
        "is taken: another program listens there",
    ),
    errno.EADDRNOTAVAIL: ("ist keine Adresse dieses Rechners", "is no address of this machine"),
    errno.EACCES: (
        "darf dieser Benutzer nicht öffnen: Ports unter 1024 gehören dem System",
        "may not be opened by this user: ports below 1024 belong to the system",
    ),
}


def free(option: str, wanted: Address, kind: socket.SocketKind) -> Address:
    """Return `wanted` with its port chosen if it was 0.

    Args:
        option: the setting to name when it is taken, e.g. "--sip".
        wanted: the address to try.
        kind: SOCK_DGRAM or SOCK_STREAM.

    Raises:
        PortTakenError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((wanted.host, wanted.port))
        except (OSError, OverflowError) as error:
            raise PortTakenError(option, wanted, error) from error
        return wanted.model_copy(update={"port": probe.getsockname()[1]})
