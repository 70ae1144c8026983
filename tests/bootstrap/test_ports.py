"""An address that is taken is told with the setting that changes it."""

import socket

import pytest

from callflow.bootstrap.ports import PortTakenError, free
from callflow.settings import Address

KINDS = pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])


@KINDS
def test_port_0_becomes_a_free_port(kind: socket.SocketKind) -> None:
    assert free("--sip", Address(host="127.0.0.1", port=0), kind).port > 0


@KINDS
def test_a_taken_port_names_its_setting_in_both_languages(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        taken = Address(host="127.0.0.1", port=holder.getsockname()[1])
        with pytest.raises(PortTakenError) as refused:
            free("--sip", taken, kind)
    assert [("--sip" in line, str(taken) in line) for line in str(refused.value).splitlines()] == [
        (True, True)
    ] * 2
