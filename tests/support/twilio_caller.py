"""Places calls as Twilio does: asks for TwiML, follows it verb by verb, signs every request.

Every verb and attribute is looked up in Twilio's own classes, so that a document Twilio would not
understand is refused here too.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import httpx
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial, VoiceResponse

_PARENTS = (VoiceResponse, Dial)


@dataclass(slots=True)
class TwilioCall:
    """One call that Twilio carries.

    Args:
        client: reaches our webhooks.
        base: public address of the webhooks.
        token: auth token of the account.
        caller: calling number, "anonymous" when withheld.
        dialled: the practice number.
        sid: Twilio's id of the call.
        times: how often every request is sent; more than once plays Twilio's repetitions.
    """

    client: httpx.AsyncClient
    base: str
    token: str
    caller: str
    dialled: str
    sid: str = "CA00000000000000000000000000000001"
    times: int = 1
    heard: list[str] = field(default_factory=list)
    asked: ET.Element | None = None
    ended: bool = False
    _fallback: str = ""

    async def begin(self) -> None:
        """Ring."""
        await self._follow(await self._post(f"{self.base}/voice/call"))

    async def press(self, digits: str) -> None:
        """Press keys: what is being said stops, the input goes to the open <Gather>."""
        gather = self._asked("Gather")
        kept = digits[: int(gather.get("numDigits") or len(digits))]
        await self._answer(gather, Digits=kept)

    async def wait(self) -> None:
        """Press nothing until the open <Gather> gives up."""
        await self._answer(self._asked("Gather"), Digits="")

    async def dialled_out(self, status: str) -> None:
        """Let the open <Dial> end with Twilio's DialCallStatus."""
        await self._answer(self._asked("Dial"), DialCallStatus=status)

    async def speak(self, seconds: int) -> None:
        """Leave a message; silence falls through to the next verb."""
        record = self._asked("Record")
        if not seconds:
            await self._go(self._fallback)
            return
        await self._answer(record, RecordingSid="RE1", RecordingDuration=str(seconds))

    async def hang_up(self) -> None:
        """End the call from the caller's side."""
        await self._status()

    async def _answer(self, verb: ET.Element, **fields: str) -> None:
        await self._go(verb.attrib["action"], **fields)

    async def _go(self, url: str, **fields: str) -> None:
        self.asked = None
        await self._follow(await self._post(url, **fields))

    async def _follow(self, document: str) -> None:
        verbs = list(ET.fromstring(document))  # noqa: S314  # our own answer
        for place, verb in enumerate(verbs):
            understood(verb)
            match verb.tag:
                case "Play":
                    self._hear(verb)
                case "Redirect":
                    await self._go(str(verb.text))
                    return
                case "Hangup":
                    await self._status()
                    return
                case "Gather" | "Record" | "Dial":
                    self._wait_at(verb, verbs[place + 1 :])
                    return
                case _:
                    raise AssertionError(f"a verb that no effect uses: {verb.tag}")
        await self._status()

    def _wait_at(self, verb: ET.Element, after: list[ET.Element]) -> None:
        self.asked = verb
        self._fallback = next((str(each.text) for each in after if each.tag == "Redirect"), "")
        for inner in verb:
            if inner.tag == "Play":
                self._hear(inner)

    def _hear(self, play: ET.Element) -> None:
        self.heard.append(urlsplit(str(play.text)).path.rsplit("/", 1)[1].removesuffix(".wav"))

    def _asked(self, tag: str) -> ET.Element:
        assert self.asked is not None
        assert self.asked.tag == tag
        return self.asked

    async def _status(self) -> None:
        self.asked, self.ended = None, True
        await self._post(f"{self.base}/voice/status", CallStatus="completed")

    async def _post(self, url: str, **fields: str) -> str:
        form = {
            "CallSid": self.sid,
            "From": self.caller,
            "To": self.dialled,
            "CallStatus": "in-progress",
        } | fields
        signature = RequestValidator(self.token).compute_signature(url, form)
        answers = [
            await self.client.post(url, data=form, headers={"X-Twilio-Signature": signature})
            for _ in range(self.times)
        ]
        assert {answer.status_code for answer in answers} <= {200, 204}
        return answers[-1].text


def understood(verb: ET.Element) -> None:
    """Refuse a verb or an attribute that Twilio's classes do not know."""
    known = next(made for parent in _PARENTS if (made := getattr(parent, verb.tag.lower(), None)))
    names = {_camel(name) for name in inspect.signature(known).parameters}
    assert set(verb.attrib) <= names, f"<{verb.tag}> does not know {set(verb.attrib) - names}"
    for inner in verb:
        understood(inner)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def query(url: str) -> dict[str, str]:
    """Return the fields of a URL's query."""
    return dict(parse_qsl(urlsplit(url).query))
