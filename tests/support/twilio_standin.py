"""A stand-in for Twilio's API of messages and calls that keeps state and can misbehave like the real network.

Both are created, fetched and listed as Twilio's 2010-04-01 API describes; what each does after (or instead
of) being accepted is chosen per message and call. Status callbacks are signed with the SDK's own code.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from twilio.request_validator import RequestValidator

from tests.support.twilio_calls import MAKING, CallBehaviour, PhoneCall

SID = "AC" + "a" * 32
TOKEN = "stand-in-token"
ACCOUNT = f"/2010-04-01/Accounts/{SID}"
LIST = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
ONE = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
CALL = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
_AUTHORIZATION = "Basic " + b64encode(f"{SID}:{TOKEN}".encode()).decode()
Behaviour = Literal[
    "delivered",
    "undelivered",
    "failed",
    "silent",
    "429",
    "500_before",
    "500_after",
    "hang_before",
    "hang_after",
    "reset_before",
    "reset_after",
    "garbage_after",
    "opted_out",
    "no_mobile",
    "bad_auth",
    "bad_sender",
]
HANGS = httpx.Timeout(20.0, read=0.5)  # for a client of what hangs: only the wait for an answer is short
ACCEPTING: tuple[Behaviour, ...] = (
    "delivered",
    "undelivered",
    "failed",
    "silent",
    "500_after",
    "hang_after",
    "reset_after",
    "garbage_after",
)
_ERRORS: dict[str, tuple[int, int, str]] = {
    "429": (429, 20429, "Too Many Requests"),
    "500_before": (500, 20500, "Internal Server Error"),
    "500_after": (500, 20500, "Internal Server Error"),
    "opted_out": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "bad_number": (400, 21211, "The 'To' number is not a valid phone number."),
    "no_mobile": (400, 21614, "'To' number is not a valid mobile number"),
    "bad_auth": (401, 20003, "Authenticate"),
    "bad_sender": (400, 21212, "Invalid From Number"),
}
_ENDS: dict[str, tuple[str, ...]] = {
    "undelivered": ("sent", "undelivered"),
    "failed": ("failed",),
    "silent": ("sent",),
}


@dataclass
class Message:
    """A message that the stand-in accepted."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str
    validity: str
    behaviour: Behaviour
    created: datetime
    status: str = "queued"
    error: int | None = None

    def resource(self) -> dict[str, Any]:
        """Return the message as the API shows it."""
        service = self.sender if self.sender.startswith("MG") else None
        path = f"{ACCOUNT}/Messages/{self.sid}"
        return {
            "account_sid": SID,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": format_datetime(self.created),
            "date_sent": None if self.status == "queued" else format_datetime(self.created),
            "date_updated": format_datetime(self.created),
            "direction": "outbound-api",
            "error_code": self.error,
            "error_message": None,
            "from": None if service else self.sender,
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "1",
            "price": "-0.07500" if self.status == "delivered" else None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": self.to,
            "uri": f"{path}.json",
        }


@dataclass
class StandIn:
    """The account's state; `choose` says what the next message for a number and text does."""

    choose: Callable[[str, str], Behaviour] = lambda _to, _body: "delivered"
    choose_call: Callable[[str], CallBehaviour] = lambda _to: "made"
    messages: list[Message] = field(default_factory=list)
    calls: list[PhoneCall] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[str, str, int, Any]] = field(default_factory=list)
    list_fails: bool = False
    url: str = ""
    called: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Begin anew, for the next test."""
        fresh = StandIn()
        with self.lock:
            self.choose, self.choose_call, self.list_fails = fresh.choose, fresh.choose_call, False
            self.called.clear()
            for kept in (self.messages, self.calls, self.requests, self.answers):
                kept.clear()

    def accepted(self, reference: str) -> int:
        """Return how many messages with this text were accepted."""
        with self.lock:
            return sum(reference in message.body for message in self.messages)

    async def took(self, requests: int, messages: int = 0) -> None:
        """Wait until so much has come: a client that gives up early may be ahead of us."""
        async with asyncio.timeout(30):
            while (len(self.requests) < requests) or (len(self.messages) < messages):  # noqa: ASYNC110  another thread's
                await asyncio.sleep(0.01)

    def reports(self, message: Message) -> tuple[str, ...]:
        """Return the statuses that this message goes through after it was queued."""
        return _ENDS.get(message.behaviour, ("sent", "delivered"))

    async def report(self, client: httpx.AsyncClient, message: Message, status: str) -> int:
        """Send one signed status callback; returns its HTTP status."""
        fields = {
            "AccountSid": SID,
            "MessageSid": message.sid,
            "MessageStatus": status,
            "SmsSid": message.sid,
            "SmsStatus": status,
            "To": message.to,
            "From": message.sender,
            "ApiVersion": "2010-04-01",
        }
        if status in ("undelivered", "failed"):
            fields["ErrorCode"] = "30006"
        signature = RequestValidator(TOKEN).compute_signature(message.callback, fields)
        answer = await client.post(message.callback, data=fields, headers={"X-Twilio-Signature": signature})
        return answer.status_code

    def settle(self, message: Message) -> None:
        """Bring a message to its end without telling anybody."""
        message.status = self.reports(message)[-1]
        message.error = 30006 if message.status in ("undelivered", "failed") else None


@dataclass
class Api:
    """The stand-in's HTTP side."""

    standin: StandIn

    def app(self) -> FastAPI:
        """Return the routes."""
        app = FastAPI()
        app.post(f"{ACCOUNT}/Messages.json")(self.create)
        app.get(f"{ACCOUNT}/Messages.json")(self.listed)
        app.get(f"{ACCOUNT}/Messages/{{sid}}.json")(self.fetched)
        app.post(f"{ACCOUNT}/Calls.json")(self.call)
        app.get(f"{ACCOUNT}/Calls.json")(self.calls_listed)
        app.get(f"{ACCOUNT}/Calls/{{sid}}.json")(self.call_fetched)
        return app

    async def create(self, request: Request) -> Response:
        """Create a message, or misbehave as the test wants it."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.standin.requests.append(("create", form["To"]))
        if request.headers.get("authorization") != _AUTHORIZATION:
            return self._refused(request, LIST, "bad_auth")
        behaviour = self.standin.choose(form["To"], form["Body"])
        if behaviour in ("hang_before", "reset_before"):
            return await self._silent(behaviour)
        if behaviour not in ACCEPTING:
            return self._refused(request, LIST, behaviour)
        message = self._accept(form, behaviour)
        return await self._confirmed(request, LIST, behaviour, message.resource())

    async def listed(self, request: Request) -> Response:
        """List the messages to a number, latest first, in pages."""
        to = request.query_params.get("To", "")
        self.standin.requests.append(("list", to))
        if self.standin.list_fails:
            return self._refused(request, LIST, "500_before")
        with self.standin.lock:
            found = [message.resource() for message in reversed(self.standin.messages) if message.to == to]
        return self._answered(request, LIST, 200, _page("Messages", found, request))

    async def fetched(self, request: Request, sid: str) -> Response:
        """Show one message."""
        self.standin.requests.append(("fetch", sid))
        with self.standin.lock:
            found = next((message for message in self.standin.messages if message.sid == sid), None)
        return self._found(request, ONE, found)

    async def call(self, request: Request) -> Response:
        """Make a call, or misbehave as the test wants it."""
        form = await request.form()
        self.standin.requests.append(("call", str(form["To"])))
        if request.headers.get("authorization") != _AUTHORIZATION:
            return self._refused(request, CALLS, "bad_auth")
        behaviour = self.standin.choose_call(str(form["To"]))
        if behaviour not in MAKING:
            return self._refused(request, CALLS, behaviour)
        made = PhoneCall(
            account=SID,
            to=str(form["To"]),
            sender=str(form["From"]),
            document=str(form["Url"]),
            callback=str(form["StatusCallback"]),
            events=tuple(str(each) for each in form.getlist("StatusCallbackEvent")),
            timeout=str(form["Timeout"]),
        )
        with self.standin.lock:
            self.standin.calls.append(made)
        self.standin.called.set()
        return await self._confirmed(request, CALLS, behaviour, made.resource())

    async def calls_listed(self, request: Request) -> Response:
        """List the calls to or from a number or under a parent, latest first, in pages."""
        wanted = request.query_params
        self.standin.requests.append(("list calls", wanted.get("ParentCallSid", wanted.get("To", ""))))
        if self.standin.list_fails:
            return self._refused(request, CALLS, "500_before")
        with self.standin.lock:
            found = [
                call.resource()
                for call in reversed(self.standin.calls)
                if call.to == wanted.get("To", call.to)
                and call.sender == wanted.get("From", call.sender)
                and call.parent == wanted.get("ParentCallSid", call.parent)
            ]
        return self._answered(request, CALLS, 200, _page("Calls", found, request))

    async def call_fetched(self, request: Request, sid: str) -> Response:
        """Show one call."""
        self.standin.requests.append(("fetch call", sid))
        with self.standin.lock:
            found = next((call for call in self.standin.calls if call.sid == sid), None)
        return self._found(request, CALL, found)

    def _found(self, request: Request, path: str, found: Message | PhoneCall | None) -> Response:
        if found is None:
            gone = {"code": 20404, "message": "not found", "more_info": "", "status": 404}
            return self._answered(request, path, 404, gone)
        return self._answered(request, path, 200, found.resource())

    async def _confirmed(
        self, request: Request, path: str, behaviour: str, resource: dict[str, Any]
    ) -> Response:
        """Answer after something was accepted, as far as the network lets the answer through."""
        if behaviour in ("hang_after", "reset_after"):
            return await self._silent(behaviour)
        if behaviour == "500_after":
            return self._refused(request, path, behaviour)
        if behaviour == "garbage_after":
            return Response(f'{{"sid": "{resource["sid"][:2]}', 201, media_type="application/json")
        return self._answered(request, path, 201, resource)

    def _accept(self, form: dict[str, str], behaviour: Behaviour) -> Message:
        message = Message(
            sid="SM" + secrets.token_hex(16),
            to=form["To"],
            sender=form.get("MessagingServiceSid") or form["From"],
            body=form["Body"],
            callback=form.get("StatusCallback", ""),
            validity=form.get("ValidityPeriod", ""),
            behaviour=behaviour,
            created=datetime.now(UTC).replace(microsecond=0),
        )
        with self.standin.lock:
            self.standin.messages.append(message)
        return message

    async def _silent(self, behaviour: str) -> Response:
        if behaviour.startswith("hang"):
            await _hang(self.standin)
        return _Reset()

    def _answered(self, request: Request, path: str, status: int, content: dict[str, Any]) -> Response:
        self.standin.answers.append((request.method.lower(), path, status, content))
        return JSONResponse(content, status)

    def _refused(self, request: Request, path: str, behaviour: Behaviour) -> Response:
        status, code, text = _ERRORS[behaviour]
        more = f"https://www.twilio.com/docs/errors/{code}"
        content = {"code": code, "message": text, "more_info": more, "status": status}
        return self._answered(request, path, status, content)


def _page(name: str, found: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    wanted = dict(request.query_params)
    size, page = int(wanted.pop("PageSize", "50")), int(wanted.pop("Page", "0"))
    uri = f"{ACCOUNT}/{name}.json?{urlencode(wanted)}&PageSize={size}&Page="
    end = min(len(found), (page + 1) * size)
    return {
        "end": max(end - 1, 0),
        "first_page_uri": f"{uri}0",
        name.lower(): found[page * size : end],
        "next_page_uri": f"{uri}{page + 1}" if len(found) > end else None,
        "page": page,
        "page_size": size,
        "previous_page_uri": f"{uri}{page - 1}" if page else None,
        "start": page * size,
        "uri": f"{uri}{page}",
    }


async def _hang(standin: StandIn) -> None:
    # Longer than any client waits here, shorter than a test's patience.
    for _ in range(200):
        if standin.closing.is_set():
            return
        await asyncio.sleep(0.05)


class _Reset(Response):
    """Cuts the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        scope["cut"]()


def _cutting(app: ASGIApp) -> ASGIApp:
    """Let responses cut their connection: ASGI has no word for it, uvicorn's `send` belongs to what can."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["cut"] = send.__self__.transport.abort  # type: ignore[attr-defined]  a bound method of uvicorn
        await app(scope, receive, send)

    return wrapped


@contextmanager
def running(standin: StandIn) -> Iterator[StandIn]:
    """Serve the stand-in on a free port of loopback, in a thread."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        standin.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            _cutting(Api(standin).app()), log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield standin
        finally:
            standin.closing.set()
            server.should_exit = True
            thread.join()
