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
        reason: what the system says.
    """

    def __init__(self, option: str, wanted: Address, reason: str) -> None:
        super().__init__(
            f"{wanted} ist belegt oder nicht erlaubt ({reason}); bitte {option} ändern.\n"
            f"{wanted} is taken or not allowed ({reason}); please change {option}."
        )


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
            code = getattr(error, "errno", None)
            raise PortTakenError(option, wanted, errno.errorcode.get(code or 0, str(error))) from error
        return wanted.model_copy(update={"port": probe.getsockname()[1]})
