"""Real calls between link-local IPv6 addresses, in a network of their own; prints what they showed as JSON.

A program and not a test: only a process with one thread can go into a network of its own. That network has
nothing but a loopback with some link-local addresses, which as everywhere mean nothing without the interface.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from callflow.effects import Gather, HangUp, LineEffect, Transfer
from callflow.events import CallStarted, DigitsPressed, HungUp, TransferAnswered
from callflow.frames import Happening
from sip.caller import SmallPhone, Talk, own_address
from sip.line_config import Destination
from sip.media.engine import Stream
from sip.signalling.leg import Leg
from sip.signalling.offer import Local
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Account, Listen, Peer, PhoneSettings
from tests.line.house import House, clip, heard, running, tone
from tests.media.hasty import HastyLoop
from tests.sip.registrar import Registrar

LINE, CALLER, DESK = "fe80::1", "fe80::2", "fe80::3"
LAN = Peer("lan", ("fe80::/10",))
LIMIT_S = 30.0
REPORTED_S = 12.0  # of the loop's own time: both sides have told the other by RTCP how they hear
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # sched.h
_SET_FLAGS, _ADD_ADDRESS = 0x8914, 0x8916  # linux/sockios.h
_UP, _TENTATIVE = 0x1, 0x40
_SIX = 0x86DD  # ETH_P_IPV6: what the loop tells itself by IPv4 must not wake it

Shown = dict[str, Any]  # JSON


def enter() -> None:
    """Go into a network of our own, with a loopback that has the three addresses.

    Raises:
        OSError: the system does not let us.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NET) and libc.unshare(_NEW_USER | _NEW_NET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    index = socket.if_nametoindex("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        for address in (LINE, CALLER, DESK):
            packed = socket.inet_pton(socket.AF_INET6, address)
            fcntl.ioctl(control, _ADD_ADDRESS, struct.pack("=16sIi", packed, 64, index))
    while _unsure():
        time.sleep(0.01)  # the kernel tells nobody when it is sure that an address is ours alone


def _unsure() -> bool:
    lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    return any(int(line.split()[4], 16) & _TENTATIVE for line in lines)


def on_lo(address: str) -> str:
    return f"{address}%lo"


def at(house: House) -> str:
    """Give the line's place as only this machine can know it."""
    assert house.config.ready is not None
    (_, _, port), *_ = json.loads(house.config.ready.read_text(encoding="utf-8"))["sip"]
    return f"[{on_lo(LINE)}]:{port}"


def repeat(stream: Stream, name: str) -> None:
    """Say the same again and again."""
    stream.play([tone(name)], lambda: repeat(stream, name))


def menu(told: Happening) -> LineEffect | None:
    match told.event:
        case CallStarted():
            return Gather((clip("menu"),) * 50)
        case HungUp():
            return None
    return HangUp((clip("bye"),))


async def answered(phone: SmallPhone, target: str) -> Talk:
    talk = phone.dial(target, "+491711234567")
    assert await talk.answered(LIMIT_S), talk.outcome
    return talk


async def a_prompt_is_heard_and_a_key_counts(folder: Path) -> Shown:
    """A telephone calls a line that listens on its link-local address alone."""
    phone = PhoneSettings(listen=(Listen("udp", on_lo(LINE), 0),), peers=(LAN,))
    changes = {"phone": phone, "rtp_host": on_lo(LINE)}
    async with running(folder, menu, **changes) as house, SmallPhone(on_lo(CALLER)) as caller:
        talk = await answered(caller, f"sip:praxis@{at(house)}")
        await asyncio.sleep(REPORTED_S)
        await talk.press("4")
        await talk.over(LIMIT_S)
        await house.app.until(lambda: HungUp("us") in house.app.events())
        *_, end = house.app.events()
    assert isinstance(end, HungUp)
    return {
        "heard": heard(bytes(talk.hearing.alaw))[:1],
        "key": DigitsPressed("4") in house.app.events(),
        "reported by RTCP": end.sound is not None and end.sound.remote_loss == 0.0,
    }


def passing_on(told: Happening) -> LineEffect | None:
    return Transfer((), "desk") if isinstance(told.event, CallStarted) else None


async def a_caller_and_a_desk_are_joined(folder: Path) -> Shown:
    """A line on all addresses is called, calls a telephone by its trunk, and joins both."""
    taken: asyncio.Queue[Talk] = asyncio.Queue()

    def take(leg: Leg) -> None:
        taken.put_nowait(desk.take(leg))

    async with SmallPhone(on_lo(DESK), take) as desk, SmallPhone(on_lo(CALLER)) as caller:
        port = desk.uri.rpartition(":")[2]
        trunk = Peer("pbx", (DESK,), host=f"[{on_lo(DESK)}]:{port}")
        phone = PhoneSettings(listen=(Listen("udp", "::", 0),), peers=(LAN, trunk))
        changes = {"phone": phone, "rtp_host": "::"}
        ways = {"desk": Destination(uri="100", method="bridge", line="pbx")}
        async with running(folder, passing_on, ways, **changes) as house:
            talk = await answered(caller, f"sip:praxis@{at(house)}")
            far = await asyncio.wait_for(taken.get(), LIMIT_S)
            await house.app.until(lambda: TransferAnswered() in house.app.events())
            repeat(talk.stream, "menu")
            repeat(far.stream, "bye")
            await far.hearing.silence(0, LIMIT_S)
            await talk.hearing.silence(0, LIMIT_S)
            await asyncio.sleep(1)
            talk.hang_up()
            await far.over(LIMIT_S)
    return {
        "the desk heard": heard(bytes(far.hearing.alaw)),
        "the caller heard": heard(bytes(talk.hearing.alaw))[-1:],
    }


async def an_account_registers(_: Path) -> Shown:
    """An account registers at a link-local address."""
    pbx = Registrar(users={"620": "geheim"})
    far = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    far.setblocking(False)  # noqa: FBT003  # the name of the parameter cannot be given
    far.bind((CALLER, 0, 0, socket.if_nametoindex("lo")))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: pbx, sock=far)
    account = Account("pbx", "620", "pbx.invalid", "geheim", registrar=f"[{on_lo(CALLER)}]:{pbx.port}")
    phone = Phone(PhoneSettings(listen=(Listen("udp", "::", 0),), accounts=(account,)), lambda _: None)
    await phone.open()
    await asyncio.wait_for(phone.until_registered("pbx"), LIMIT_S)
    port = phone.address()[1]
    await phone.close()
    pbx.close()
    return {"contacts": [one.replace(str(port), "PORT") for one in pbx.contacts[:1]]}


async def a_call_over_tcp(_: Path) -> Shown:
    """A telephone calls another one by TCP, which hangs up over the same connection."""
    legs: asyncio.Queue[Leg] = asyncio.Queue()
    server = Phone(PhoneSettings(listen=(Listen("tcp", on_lo(LINE), 0),), peers=(LAN,)), legs.put_nowait)
    client = Phone(PhoneSettings(listen=(Listen("tcp", on_lo(CALLER), 0),), peers=(LAN,)), legs.put_nowait)
    await server.open()
    await client.open()
    over, places = asyncio.Event(), list[list[str | int]]()
    host, port = server.address("tcp")
    leg = client.call(f"sip:100@[{host}]:{port};transport=tcp", Local(on_lo(CALLER), 42000))
    leg.on_sound = lambda sound: places.append([sound.address, sound.port])
    taken = await asyncio.wait_for(legs.get(), LIMIT_S)
    taken.answer(Local(on_lo(LINE), 42002))
    outcome = await asyncio.wait_for(leg.answered(), LIMIT_S)
    leg.on_ended = lambda _: over.set()
    taken.hang_up()
    await asyncio.wait_for(over.wait(), LIMIT_S)
    await client.close()
    await server.close()
    return {"outcome": outcome, "sound goes to": places}


def _said(packet: bytes) -> bytes:
    """Give what a UDP or TCP packet carries, behind its Ethernet (14 bytes) and IPv6 headers (40 bytes)."""
    headers = 54 + (8 if packet[20] == socket.IPPROTO_UDP else (packet[66] >> 4) * 4)
    return packet[headers:]


class Wire:
    """Every SIP message that crosses the loopback."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.messages: list[bytes] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_SIX))
        self._socket.setblocking(False)  # noqa: FBT003  # as above
        self._socket.bind(("lo", 0))
        loop.add_reader(self._socket, self._read)

    def _read(self) -> None:
        said = _said(self._socket.recv(65_536))
        if b"SIP/2.0" in said:
            self.messages.append(said)

    def shown(self) -> Shown:
        named = [one for one in self.messages if b"%" in one]
        return {"messages": len(self.messages) > 0, "name an interface": len(named)}


async def main() -> Shown:
    loop = asyncio.get_running_loop()
    wire, faults = Wire(loop), list[str]()
    loop.set_exception_handler(lambda _, context: faults.append(repr(context.get("exception"))))
    shown: Shown = {"own address": own_address(f"sip:praxis@[{on_lo(LINE)}]")}
    scenes = (
        a_prompt_is_heard_and_a_key_counts,
        a_caller_and_a_desk_are_joined,
        an_account_registers,
        a_call_over_tcp,
    )
    for scene in scenes:
        with tempfile.TemporaryDirectory() as folder:
            shown[scene.__name__] = await scene(Path(folder))
    return {**shown, "wire": wire.shown(), "faults": sorted(set(faults))}


if __name__ == "__main__":
    try:
        enter()
    except OSError as refused:
        sys.exit(f"no network of our own: {refused}")
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        sys.stdout.write(json.dumps(runner.run(main())) + "\n")
