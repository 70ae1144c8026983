"""The practice's settings: `config/*.yaml` and the environment, read once, frozen.

Only `callflow.cli` and `callflow.bootstrap` read this module; rooms receive the values they need. Secrets
come from the environment (`RUFWEICHE_...`) or a `.env` file beside the configuration, never from YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from callflow.effects import Urgency
from callflow.language.plan_problems import plan_problems
from callflow.language.problems import FlowErrors, Problem, refused
from callflow.language.schema import complaints, suggestion
from callflow.language.source import Source, read
from callflow.plan import Plan
from callflow.plan_check import check

# A number, a messaging service, or letters and digits: networks show no more than 11 of them.
SENDER = r"^(\+[1-9][0-9]{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{0,11})$"


def _span(text: str) -> str:
    """Return "HH:MM-HH:MM" if it is one and ends after it begins."""
    begin, _, end = text.partition("-")
    try:
        ordered = time.fromisoformat(begin) < time.fromisoformat(end)
    except ValueError:
        ordered = False
    if not ordered:
        raise ValueError('a time span is written "HH:MM-HH:MM", e.g. "11:00-12:00"')
    return text


Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Span = Annotated[str, AfterValidator(_span)]
Texts = dict[Language, str]


class Model(BaseModel):
    """Base of all settings: frozen, and an unknown key is a fault, not a wish unheard."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class PracticeName(Model):
    """The practice as patients and staff read and hear it.

    Args:
        name: full name, on pages and in announcements.
        sms_name: short name for the SMS text; must not tell the specialty.
        phone: E.164 number that patients know.
        address: one line for the patient pages.
    """

    name: str
    sms_name: str = Field(max_length=40)
    phone: str = ""
    address: str = ""


class Concern(Model):
    """A reason to call.

    Args:
        label: language -> words on pages.
        urgency: order in the inbox.
        answer_hours: opening hours within which the practice promises an answer.
        form: name of the form in config/forms/, "" when there is none.
    """

    label: Texts
    urgency: Urgency = "routine"
    answer_hours: float = Field(default=8, gt=0, le=200)
    form: str = ""


class GatewayReports(Model):
    """Where a gateway's delivery reports hold what, as dotted paths; `words` are its own words for states.

    They come to /webhooks/gateway/<RUFWEICHE_SMS_REPORT_SECRET>.
    """

    status: str = "status"
    id: str = "id"
    reference: str = ""
    error: str = ""
    words: dict[str, Literal["accepted", "sent", "delivered", "undelivered", "failed"]] = Field(
        default_factory=dict
    )


class Gateway(Model):
    """A generic HTTP gateway for SMS: what to request and where the message's id stands in the answer.

    In the body `{to}`, `{text}` and `{id}` are replaced; in the headers `{secret}`, by the environment's
    RUFWEICHE_SMS_GATEWAY_SECRET; in `poll_url` `{provider_id}`, by the gateway's id of a sent message.
    """

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, object] = Field(default_factory=dict)
    id_field: str = ""
    poll_url: str = ""
    reports: GatewayReports = GatewayReports()


class Sms(Model):
    """How links reach patients.

    Args:
        transports: tried in this order; "console" prints and shows the demo outbox.
        sender: Twilio number, messaging service (MG...) or alphanumeric sender of at most 11 characters.
        countries: regions whose mobile numbers may be written to.
        per_number_a_day: most SMS to one number in 24 h.
        per_day: most SMS in 24 h in all; above it an alarm is raised and callers get a callback.
        validity_minutes: how long the network may try.
        cents_per_segment: what the provider charges, for the preview of costs; 0 when unknown.
    """

    transports: tuple[Literal["auto", "console", "twilio", "gateway"], ...] = ("auto",)
    sender: str = Field(default="", pattern=SENDER)
    countries: tuple[str, ...] = ("DE",)
    per_number_a_day: int = Field(default=4, ge=1)
    per_day: int = Field(default=400, ge=1)
    validity_minutes: int = Field(default=240, ge=5, le=600)
    cents_per_segment: float = Field(default=0, ge=0)
    gateway: Gateway | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if "gateway" in self.transports and self.gateway is None:
            raise ValueError("transport 'gateway' needs the section sms.gateway")
        return self


class Links(Model):
    """How long a form link lives and when an unused one becomes a card."""

    valid_hours: float = Field(default=72, gt=0)
    unused_after_minutes: int = Field(default=120, ge=1)


class Inbox(Model):
    """How the inbox works: when a card is due and when an unreached person comes back.

    Args:
        urgent_minutes: deadline of urgent cards.
        retry_minutes: pause after the first, second, ... attempt that reached nobody; the last one repeats.
        claim_minutes: a claim without a sign of life is released after this.
        repeat_hours: window in which an earlier call counts as repeated.
        work_blocks: times of a working day kept free for the inbox, each "HH:MM-HH:MM".
    """

    urgent_minutes: int = Field(default=15, ge=1)
    retry_minutes: tuple[int, ...] = (30, 120, 240)
    claim_minutes: int = Field(default=30, ge=1)
    repeat_hours: int = Field(default=24, ge=1)
    work_blocks: tuple[Span, ...] = ()


class Web(Model):
    """Where people reach the pages.

    Args:
        public_url: base of all pages; "" takes the address that the server listens on.
        link_url: a short domain of the practice's own that leads here too, for links in text messages; "" for
            `public_url`.
    """

    public_url: str = Field(default="", pattern=r"^(https?://[^/\s]+(/\S*)?)?$")
    link_url: str = Field(default="", pattern=r"^(https?://[^/\s]+/?)?$")


class Events(Model):
    """Events for other programs; `allowed_hosts` are inner hosts that may be written to, also by http."""

    allowed_hosts: tuple[str, ...] = ()


class Voice(Model):
    """Who speaks the announcements.

    Args:
        engine: "pico" is built in; "piper" needs the package piper-tts; "command" any program.
        speed: rate of speech, 1 is the engine's own.
        models: language -> path of a Piper model (from the configuration's folder) or a command line; other
            languages are spoken by the built-in voice.
    """

    engine: Literal["pico", "piper", "command"] = "pico"
    speed: float = Field(default=0.95, ge=0.5, le=2)
    models: dict[Language, str] = Field(default_factory=dict)


class Transcripts(Model):
    """Voice messages written down by a machine.

    Args:
        model: folder of a Whisper model converted for faster-whisper, seen from the configuration's folder;
            "" leaves it off.
    """

    model: str = ""


class Practice(Model):
    """`config/practice.yaml`."""

    practice: PracticeName
    languages: tuple[Language, ...] = ("de", "en")
    concerns: dict[Key, Concern]
    sms: Sms = Sms()
    links: Links = Links()
    inbox: Inbox = Inbox()
    web: Web = Web()
    voice: Voice = Voice()
    transcripts: Transcripts = Transcripts()
    events: Events = Events()
    language: Language = "de"


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"([A-Za-z0-9_-]{16,})?", secret.get_secret_value()):
        raise ValueError("at least 16 letters, digits, - and _: it is part of an address")
    return secret


class Secrets(BaseSettings):
    """Secrets and accounts, from the environment or `.env` in the configuration folder."""

    model_config = SettingsConfigDict(
        env_prefix="RUFWEICHE_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_api_key: str = ""
    twilio_api_secret: SecretStr = SecretStr("")
    twilio_base_url: str = ""
    sms_gateway_secret: SecretStr = SecretStr("")
    sms_report_secret: Annotated[SecretStr, AfterValidator(_hard_to_guess)] = SecretStr("")
    sip_passwords: dict[str, SecretStr] = Field(default_factory=dict)
    ami_secret: SecretStr = SecretStr("")


_WRITTEN = {
    "sip_passwords": '{"anlage": "..."} (JSON)',
    "sms_report_secret": "16+ A-Z a-z 0-9 - _",
}
"""How the secrets are written that have a form of their own."""


class Address(Model):
    """A host and a port; port 0 lets the system choose."""

    host: str
    port: int = Field(ge=0, le=65535)

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class AddressError(ValueError):
    """A text that is no HOST:PORT."""


def address(text: str) -> Address:
    """Read `HOST:PORT`, `[IPV6]:PORT` or a bare port on 127.0.0.1.

    Raises:
        AddressError: the text is none of these, or the port is out of range.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004  # the largest port there is
        raise AddressError(
            f"{text!r} ist kein HOST:PORT; zum Beispiel 127.0.0.1:5060.\n"
            f"{text!r} is not HOST:PORT, e.g. 127.0.0.1:5060."
        )
    return Address(host=host.strip("[]") or "127.0.0.1", port=int(port))


class Settings(Model):
    """Everything a running house is told.

    Args:
        data: folder for everything that is written.
        config: folder with practice.yaml, lines.yaml, hours.yaml, flows/.
        prompts: folder with <language>/*.j2.
        forms: folder with the request forms.
        sip: where the embedded line listens (UDP).
        http: where the web listens.
    """

    data: Path
    config: Path
    prompts: Path
    forms: Path
    sip: Address
    http: Address
    practice: Practice
    plan: Plan
    secrets: Secrets

    @property
    def public_url(self) -> str:
        """Base of all pages, without a slash at its end."""
        return (self.practice.web.public_url or f"http://{self.http}").rstrip("/")

    @property
    def link_url(self) -> str:
        """Base of links in text messages, without a slash at its end."""
        return (self.practice.web.link_url or self.public_url).rstrip("/")


Checked = TypeVar("Checked", bound=BaseModel)


def load(  # noqa: PLR0913 - one keyword for each place
    *,
    data: Path,
    config: Path,
    prompts: Path,
    sip: Address | None,
    http: Address,
    files: Path | None = None,
) -> Settings:
    """Read the practice's configuration.

    Args:
        data: folder for everything that is written.
        config: folder with practice.yaml and lines.yaml.
        prompts: folder with <language>/*.j2.
        sip: where the embedded line listens; None takes what lines.yaml says.
        http: where the web listens.
        files: folder that practice.yaml, lines.yaml and forms/ are read from, None for `config`; flows may
            have gone from `config` since these files were kept.

    Raises:
        FlowErrors: what is wrong in which file, line and column.
    """
    kept, files = files is not None, files or config
    practice = _practice(read(files / "practice.yaml"), files)
    source = read(files / "lines.yaml")
    plan = _checked(Plan, source)
    missing = () if kept else _flows_missing(plan, source, config)
    faults = (*plan_problems(source, check(plan)), *missing)
    if refused(faults):
        raise FlowErrors(faults)
    return Settings(
        forms=(files / "forms").resolve(),
        data=data.resolve(),
        config=config.resolve(),
        prompts=prompts.resolve(),
        sip=sip or _listening(plan),
        http=http,
        practice=practice,
        plan=plan,
        secrets=_secrets(config),
    )


def _secrets(config: Path) -> Secrets:
    env = config / ".env"
    try:
        return Secrets(_env_file=env)
    except SettingsError:  # pydantic's own words; what they are about can only be the one that is JSON
        names = ["sip_passwords"]
    except ValidationError as error:
        names = [str(fault["loc"][0]) for fault in error.errors(include_input=False)]
    except UnicodeDecodeError:
        raise FlowErrors([Problem(str(env), 1, 1, "file-encoding")]) from None
    except OSError as error:
        raise FlowErrors(
            [Problem(str(env), 1, 1, "file-unreadable", (("reason", str(error.strerror)),))]
        ) from None
    values = [(("expected", _WRITTEN.get(name, "")), ("name", f"RUFWEICHE_{name.upper()}")) for name in names]
    raise FlowErrors([Problem(str(env), 1, 1, "secret-wrong", each) for each in values]) from None


def _practice(source: Source, config: Path) -> Practice:
    practice = _checked(Practice, source)
    if practice.language not in practice.languages:
        known = ", ".join(practice.languages)
        way = ("language",)
        raise FlowErrors(
            [source.problem("value-wrong", way, field=way[0], value=practice.language, expected=known)]
        )
    if unknown := tuple(_forms_missing(practice, source, config / "forms")):
        raise FlowErrors(unknown)
    return practice


def _forms_missing(practice: Practice, source: Source, folder: Path) -> Iterator[Problem]:
    if not folder.is_dir():  # the forms that we ship, and nothing of one's own
        return
    known = {path.stem for path in folder.glob("*.yaml")}
    for key, concern in practice.concerns.items():
        if concern.form and concern.form not in known:
            way = ("concerns", key, "form")
            yield source.problem(
                "form-unknown", way, form=concern.form, suggestion=suggestion(concern.form, known)
            )


def _flows_missing(plan: Plan, source: Source, config: Path) -> Iterator[Problem]:
    folder = config / "flows"
    if not folder.is_dir():
        return
    known = {path.stem for path in folder.glob("*.yaml")}
    for number, entry in plan.numbers.items():
        if entry.flow not in known:
            way = ("numbers", number, "flow")
            yield source.problem("flow-unknown", way, flow=entry.flow, known=", ".join(sorted(known)))


def _checked(model: type[Checked], source: Source) -> Checked:
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        raise FlowErrors(complaints(source, (), error, model)) from None


def _listening(plan: Plan) -> Address:
    for line in plan.lines.values():
        if line.kind in {"embedded", "pyvoip"}:
            return Address(host=line.host, port=line.port)
    return Address(host="127.0.0.1", port=5060)
