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
    assert str(refused.value).splitlines() == [
        f"{taken} ist schon belegt: dort hört ein anderes Programm (EADDRINUSE); bitte --sip ändern.",
        f"{taken} is taken: another program listens there (EADDRINUSE); please change --sip.",
    ]


@KINDS
def test_an_address_of_another_machine_is_told_as_such(kind: socket.SocketKind) -> None:
    with pytest.raises(PortTakenError, match=r"192\.0\.2\.77:5060 ist keine Adresse dieses Rechners"):
        free("--sip", Address(host="192.0.2.77", port=5060), kind)
