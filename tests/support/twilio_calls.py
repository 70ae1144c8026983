"""The stand-in's calls: Twilio's Calls resource, and telephones that tests pick up, or not.

A call that the API accepted rings nowhere by itself: a test carries it (`Ringing`), which asks for our TwiML,
follows it and reports statuses as Twilio does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
from twilio.request_validator import RequestValidator

from tests.support.twilio_caller import understood

CallBehaviour = Literal[
    "made",
    "429",
    "500_before",
    "500_after",
    "hang_after",
    "reset_after",
    "garbage_after",
    "bad_number",
    "bad_auth",
]
MAKING: tuple[CallBehaviour, ...] = ("made", "500_after", "hang_after", "reset_after", "garbage_after")


@dataclass
class PhoneCall:
    """A call that the stand-in made; `parent` is the call whose <Dial> it belongs to."""

    account: str
    to: str
    sender: str
    document: str = ""
    callback: str = ""
    events: tuple[str, ...] = ()
    timeout: str = ""
    parent: str = ""
    status: str = "queued"
    seconds: int | None = None
    sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    ended: datetime | None = None

    def resource(self) -> dict[str, Any]:
        """Return the call as the API shows it."""
        path = f"/2010-04-01/Accounts/{self.account}/Calls/{self.sid}"
        return {
            "account_sid": self.account,
            "answered_by": None,
            "api_version": "2010-04-01",
            "caller_name": None,
            "date_created": format_datetime(self.created),
            "date_updated": format_datetime(self.ended or self.created),
            "direction": "outbound-dial" if self.parent else "outbound-api",
            "duration": None if self.seconds is None else str(self.seconds),
            "end_time": format_datetime(self.ended) if self.ended else None,
            "forwarded_from": None,
            "from": self.sender,
            "from_formatted": self.sender,
            "group_sid": None,
            "parent_call_sid": self.parent or None,
            "phone_number_sid": None,
            "price": None,
            "price_unit": "USD",
            "queue_time": "0",
            "sid": self.sid,
            "start_time": format_datetime(self.created) if self.status != "queued" else None,
            "status": self.status,
            "subresource_uris": {"events": f"{path}/Events.json"},
            "to": self.to,
            "to_formatted": self.to,
            "trunk_sid": None,
            "uri": f"{path}.json",
        }

    def end(self, status: str, *, rang: float = 0, talked: int | None = None) -> None:
        """Bring the call to its end, `rang` and `talked` seconds after it was made."""
        self.status, self.seconds = status, talked
        self.ended = self.created + timedelta(seconds=rang + (talked or 0))


@dataclass
class Ringing:
    """Carries one call of the stand-in: the person's own telephone, and the patient's.

    Args:
        client: reaches our webhooks.
        token: auth token of the account.
        call: what the API accepted.
        calls: the stand-in's calls; the patient's leg is added.
        heard: names of the clips that the person heard.
    """

    client: httpx.AsyncClient
    token: str
    call: PhoneCall
    calls: list[PhoneCall]
    heard: list[str] = field(default_factory=list)
    asked: ET.Element | None = None
    dial: ET.Element | None = None
    patient: PhoneCall | None = None

    async def pick_up(self) -> None:
        """Answer at the person's own telephone."""
        await self.report("initiated")
        await self.report("ringing")
        self.call.status = "in-progress"
        await self.report("in-progress")
        await self._follow(await self._post(self.call.document))

    async def press(self, digits: str) -> None:
        """Press keys at the open <Gather>; none is silence."""
        assert self.asked is not None
        await self._follow(await self._post(self.asked.attrib["action"], Digits=digits))

    async def ends(self, status: str) -> None:
        """Let the person's own telephone end without being answered."""
        self.call.end(status)
        await self.report(status)

    async def patient_ends(
        self, status: str, *, rang: float, talked: int | None = None, reported: bool = True
    ) -> None:
        """Let the patient's telephone ring, and perhaps talk; then the <Dial> is over."""
        leg = self._patient_rings()
        if reported:
            await self._leg("initiated", leg.created)
            if status == "completed":
                await self._leg("in-progress", leg.created + timedelta(seconds=rang))
        leg.end(status, rang=rang, talked=talked)
        assert self.dial is not None
        fields = {"DialCallStatus": status, "DialCallSid": leg.sid}
        if talked is not None:
            fields["DialCallDuration"] = str(talked)
        await self._follow(await self._post(self.dial.attrib["action"], **fields))

    async def hang_up(self, *, reported: bool = True) -> None:
        """Hang up at the person's own telephone."""
        self.call.end("completed", talked=10)
        if reported:
            await self.report("completed")

    def patient_talks(self, *, rang: float, talked: int) -> None:
        """Let the patient answer and the conversation end, without a word of it to anybody."""
        self._patient_rings().end("completed", rang=rang, talked=talked)

    async def report(self, status: str) -> None:
        """Tell the status of the person's own call, if that was asked for."""
        asked_for = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}
        if asked_for.get(status, "completed") in self.call.events:
            await self._post(self.call.callback, CallStatus=status)

    def _patient_rings(self) -> PhoneCall:
        assert self.dial is not None
        number = self.dial.find("Number")
        assert number is not None
        shown = self.dial.attrib["callerId"]
        self.patient = PhoneCall(self.call.account, str(number.text), shown, parent=self.call.sid)
        self.patient.status = "ringing"
        self.calls.append(self.patient)
        return self.patient

    async def _leg(self, status: str, at: datetime) -> None:
        assert self.dial is not None
        number = self.dial.find("Number")
        assert number is not None
        assert self.patient is not None
        fields = {"CallSid": self.patient.sid, "ParentCallSid": self.call.sid, "CallStatus": status}
        await self._post(number.attrib["statusCallback"], Timestamp=format_datetime(at), **fields)

    async def _follow(self, document: str) -> None:
        self.asked = self.dial = None
        for verb in ET.fromstring(document):  # noqa: S314  # our own answer
            understood(verb)
            self.heard += [_name(play) for play in verb.iter("Play")]
            if verb.tag == "Gather":
                self.asked = verb
                return
            if verb.tag == "Dial":
                self.dial = verb
                return
            assert verb.tag in ("Play", "Hangup")
        await self.hang_up()

    async def _post(self, url: str, **fields: str) -> str:
        form = {"CallSid": self.call.sid, "CallStatus": self.call.status, "AccountSid": self.call.account}
        form |= fields
        signature = RequestValidator(self.token).compute_signature(url, form)
        answer = await self.client.post(url, data=form, headers={"X-Twilio-Signature": signature})
        assert answer.status_code in {200, 204}
        return answer.text


def _name(play: ET.Element) -> str:
    return urlsplit(str(play.text)).path.rsplit("/", 1)[1].removesuffix(".wav")
