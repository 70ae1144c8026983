"""A caller who is not to be known is not made known to whom we call for them (RFC 3323, RFC 3325)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from callflow.effects import LineEffect, Transfer
from callflow.events import CallStarted
from callflow.frames import Happening
from sip.line_config import Destination
from sip.signalling.message import Request
from sip.signalling.phone_settings import LOOPBACK, Account, Listen, Peer, PhoneSettings
from sip.signalling.uri import parse_uri
from tests.line.house import running
from tests.sip.peer import SDP, Call, answer_to, bare_peer
from tests.sip.peer import Peer as Bare
from tests.sip.registrar import registrar

HOST = "127.0.0.1"
DIGITS = "1711234567"
NUMBER = f"+49{DIGITS}"
ASSERTED = f'P-Asserted-Identity: "Erika" <sip:{NUMBER}@{HOST}>\n'
KNOWN = ("anyone", ASSERTED)
WITHHELD = ("anonymous", f"{ASSERTED}Privacy: id\n")
SHOWING = ("From", "Contact", "Privacy", "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-Id")


def passes_on(told: Happening) -> LineEffect | None:
    return Transfer((), "empfang", ring_ms=30_000) if isinstance(told.event, CallStarted) else None


def listening(far: Bare, **more: object) -> PhoneSettings:
    """Give a telephone whose calls by "anlage" go to the far side."""
    anlage = Peer("anlage", ("192.0.2.1/32",), host=f"{HOST}:{far.port}", **more)  # type: ignore[arg-type]
    return PhoneSettings(listen=(Listen("udp", HOST, 0),), peers=(LOOPBACK, anlage))


@asynccontextmanager
async def bridged(
    folder: Path, far: Bare, destination: Destination, phone: PhoneSettings, says: tuple[str, str]
) -> AsyncIterator[Request]:
    """Let somebody call who says this in From and besides; give the INVITE that the far side got."""
    sender, extra = says
    async with bare_peer() as near, running(folder, passes_on, {"empfang": destination}, phone=phone) as home:
        place = parse_uri(home.uri)
        near.target = (place.host, place.port)
        call = Call(near.port, user="praxis", sender=sender, extra=extra)
        near.send(call.invite())
        call.to_tag = (await near.response(200)).to.tag
        call.extra = ""
        near.send(call.ack())
        invite = await far.request("INVITE")
        far.send(answer_to(invite, 200, "far", SDP, f"Contact: <sip:far@{HOST}:{far.port}>"))
        yield invite
        near.send(call.within("BYE"))
        await near.final()


def shown(invite: Request) -> dict[str, str]:
    """Give what the fields that name a caller say, without tag and port."""
    fields = {
        name: invite.headers.get(name).partition(";tag")[0] for name in SHOWING if name in invite.headers
    }
    place = parse_uri(fields["Contact"].strip("<>"))
    return {**fields, "Contact": place.user}


NOBODY = {
    "From": '"Anonymous" <sip:anonymous@anonymous.invalid>',
    "Contact": "anonymous",
    "Privacy": "id",
}


@pytest.mark.parametrize(
    ("trusted", "says"),
    [(True, WITHHELD), (False, WITHHELD), (False, (NUMBER, "Privacy: id\n")), (False, ("anonymous", ""))],
)
async def test_a_withheld_caller_is_nobody_in_every_header_to_a_destination_trusted_or_not(
    tmp_path: Path, says: tuple[str, str], *, trusted: bool
) -> None:
    async with bare_peer() as far:
        phone = listening(far, trust_identity=trusted)
        destination = Destination(uri="100", method="bridge", line="anlage")
        async with bridged(tmp_path, far, destination, phone, says) as invite:
            ack = await far.request("ACK")
            assert shown(invite) == NOBODY
        bye = await far.request("BYE")
        far.send(answer_to(bye, 200))
        assert [DIGITS in bytes(one).decode() for one in (invite, ack, bye)] == [False, False, False]


async def test_a_withheld_caller_is_nobody_by_an_account_too_which_asks_its_registrar_to_hide_itself(
    tmp_path: Path,
) -> None:
    async with registrar() as far:
        account = Account("box", "620", "fritz.invalid", registrar=f"{HOST}:{far.port}")
        phone = replace(listening(far), accounts=(account,))
        destination = Destination(uri="100", method="bridge", line="box")
        async with bridged(tmp_path, far, destination, phone, WITHHELD) as invite:
            assert shown(invite) == {"From": "<sip:620@fritz.invalid>", "Contact": "620", "Privacy": "id"}
            assert DIGITS not in bytes(invite).decode()
            await far.request("ACK")
        far.send(answer_to(await far.request("BYE"), 200))


async def test_a_caller_who_may_be_known_is_shown_without_asking_anybody_to_hide_it(tmp_path: Path) -> None:
    async with bare_peer() as far:
        destination = Destination(uri="100", method="bridge", line="anlage")
        async with bridged(tmp_path, far, destination, listening(far), KNOWN) as invite:
            assert shown(invite) == {"From": f"<sip:{NUMBER}@{HOST}>", "Contact": NUMBER}
            await far.request("ACK")
        far.send(answer_to(await far.request("BYE"), 200))


async def test_a_destination_with_a_number_to_be_shown_sees_that_one_of_withheld_callers_too(
    tmp_path: Path,
) -> None:
    async with bare_peer() as far:
        destination = Destination(uri="100", method="bridge", line="anlage", caller="+493055500")
        async with bridged(tmp_path, far, destination, listening(far), WITHHELD) as invite:
            assert shown(invite) == {"From": f"<sip:+493055500@{HOST}>", "Contact": "+493055500"}
            await far.request("ACK")
        far.send(answer_to(await far.request("BYE"), 200))
