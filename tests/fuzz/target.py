"""A telephone without sockets or real time, into which a fuzzer throws what it likes."""

from __future__ import annotations

from sip.signalling.core import Core
from sip.signalling.incoming import Origin
from sip.signalling.leg import Leg
from sip.signalling.legs import Legs
from sip.signalling.message import Request, parse
from sip.signalling.offer import Local
from sip.signalling.outgoing import Called, OutgoingLeg
from sip.signalling.phone_settings import LOOPBACK, PhoneSettings
from sip.signalling.reception import Reception
from sip.signalling.transport import Address, Hop
from sip.signalling.uri import parse_uri
from tests.sip.clock import HandClock
from tests.sip.peer import SDP, Call, answer_to

SETTINGS = PhoneSettings(requests_per_s=0, channels=50)
PEER: Address = ("127.0.0.1", 7000)
OURS = Local("127.0.0.1", 42000)
FOR_EVER_S = 4000.0


class Wire:
    """A transport that keeps the last messages."""

    name = "udp"
    reliable = False
    local: Address = ("127.0.0.1", 5060)

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes, to: Address, own: str = "") -> None:
        assert not own
        assert to[0] == PEER[0] or not data.startswith(b"SIP/2.0"), "answers leave for nobody but who asked"
        self.sent.append(data)
        del self.sent[:-20]

    def alive(self, to: Address) -> bool:
        return bool(to)

    def here(self, to: Address) -> str:
        return to[0]

    def close(self) -> None:
        self.sent.clear()


class Target:
    """One telephone with an incoming call that stands, one that rings, and an outgoing one."""

    def __init__(self, settings: PhoneSettings = SETTINGS) -> None:
        self.clock = HandClock()
        self.core = Core(settings, self.clock)
        self.wire = Wire()
        self.core.carriers.append(self.wire)
        self.legs = Legs()
        self.reception = Reception(
            self.core,
            self.legs,
            lambda _: LOOPBACK,
            lambda _message, hop, _peer: Origin(hop, "fuzz", trusted=True),
            self._invited,
        )
        self.hop = Hop(self.wire, PEER)
        self.answers = True
        self.seeds: list[bytes] = [*self._standing(), *self._ringing(), *self._calling()]

    def _invited(self, leg: Leg) -> None:
        leg.ring()
        if self.answers:
            leg.answer(OURS)

    def take(self, data: bytes) -> None:
        self.reception.datagram(data, self.hop)

    def settle(self) -> None:
        """Hang up everything and let every timer run out."""
        for leg in list(self.legs.living.values()):
            leg.hang_up()
        self.clock.advance(FOR_EVER_S)

    @property
    def held(self) -> dict[str, int]:
        """What is still held; nothing, once settled."""
        counts = dict(self.core.exchanges.counts)
        return {
            **counts,
            "legs": len(self.legs.living),
            "dialogs": self.legs.dialogs,
            "timers": len(self.clock),
        }

    def _last(self, start: bytes) -> bytes:
        return next(data for data in reversed(self.wire.sent) if data.startswith(start))

    def _standing(self) -> list[bytes]:
        call = Call(PEER[1], call_id="standing")
        invite = call.invite()
        self.take(invite)
        call.to_tag = parse(self._last(b"SIP/2.0 200")).to.tag
        ack = call.ack()
        self.take(ack)
        relay = "Content-Type: application/dtmf-relay"
        report = "Event: refer\nSubscription-State: active\nContent-Type: message/sipfrag"
        return [
            invite,
            ack,
            call.within("INFO", b"Signal=5\r\nDuration=160\r\n", relay),
            call.within("INVITE", SDP + b"a=sendonly\r\n"),
            call.within("UPDATE", SDP, "Session-Expires: 600;refresher=uac\nSupported: timer"),
            call.within("NOTIFY", b"SIP/2.0 180 Ringing\r\n", report),
            call.within("REFER", extra="Refer-To: <sip:1@h>"),
            call.within("OPTIONS"),
            call.within("BYE"),
        ]

    def _ringing(self) -> list[bytes]:
        self.answers = False
        call = Call(PEER[1], call_id="ringing", extra="Require: 100rel\n")
        invite = call.invite()
        self.take(invite)
        call.to_tag, call.extra = parse(self._last(b"SIP/2.0 180")).to.tag, ""
        prack = call.within("PRACK", extra="RAck: 1 1 INVITE")
        call.to_tag = ""
        cancel = call.request("CANCEL", seq=1, branch="z9hG4bK-ringing-1-INVITE")
        self.answers = True
        return [invite, prack, cancel]

    def _calling(self) -> list[bytes]:
        called = Called(parse_uri(f"sip:100@127.0.0.1:{PEER[1]}"), "<sip:us@127.0.0.1>")
        leg = OutgoingLeg(self.core, self.legs, self.hop, called, OURS)
        self.legs.add(leg)
        leg.start()
        invite = parse(self._last(b"INVITE"))
        assert isinstance(invite, Request)
        contact = f"Contact: <sip:peer@127.0.0.1:{PEER[1]}>"
        return [
            answer_to(invite, 100),
            answer_to(invite, 183, "far", SDP, contact + "\nRequire: 100rel\nRSeq: 1"),
            answer_to(invite, 200, "far", SDP, contact + "\nSession-Expires: 90;refresher=uac"),
            answer_to(invite, 302, "far", extra=f"Contact: <sip:2@127.0.0.1:{PEER[1]}>"),
            answer_to(
                invite, 407, "far", extra='Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'
            ),
            answer_to(invite, 422, "far", extra="Min-SE: 900"),
            answer_to(invite, 486, "far"),
        ]
