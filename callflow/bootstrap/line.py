"""The number plan as a line process needs it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callflow.bootstrap.places import app_socket
from callflow.plan import (
    Destination,
    EmbeddedLine,
    Plan,
    PyVoipLine,
    SipTrunk,
)
from callflow.settings import Address, Settings
from sip.addresses import bare
from sip.line_config import Destination as LineDestination
from sip.line_config import Did, LineConfig
from sip.numbers import spellings
from sip.signalling.core import bracketed
from sip.signalling.phone_settings import LOOPBACK, Account, Listen, Peer, PhoneSettings


def password_line(trunk: str) -> str:
    """Return what belongs into config/.env for a trunk."""
    return f'RUFWEICHE_SIP_PASSWORDS={{"{trunk}": "..."}}'


class PasswordMissingError(LookupError):
    """A trunk of config/lines.yaml has an account, but the environment holds no password for it.

    Args:
        trunk: its name in config/lines.yaml.
    """

    def __init__(self, trunk: str) -> None:
        example = password_line(trunk)
        super().__init__(
            f"Das Passwort der Leitung „{trunk}“ fehlt. In config/.env gehört: {example}\n"
            f"The password of trunk {trunk!r} is missing. Put into config/.env: {example}"
        )


@dataclass(frozen=True, slots=True)
class Announcements:
    """Clips that a line speaks on its own.

    Args:
        fallback: when the app is away, before the call is passed on.
        sorry: when the destination does not take the call either.
    """

    fallback: str
    sorry: str


def config_path(data: Path, name: str) -> Path:
    """Return where the configuration of line `name` is written."""
    return data / "run" / f"line-{name}.json"


def ready_path(data: Path, name: str) -> Path:
    """Return the file that line `name` writes once its sockets are bound."""
    return data / "run" / f"line-{name}.ready"


def line_config(
    settings: Settings, name: str, line: EmbeddedLine | PyVoipLine, spoken: Announcements
) -> LineConfig:
    """Return everything that the process of line `name` needs.

    Raises:
        KeyError: a trunk's account has no password in the environment; the trunk's name is the argument.
    """
    data, at = settings.data, listening(settings, name)
    return LineConfig(
        name=name,
        kind=line.kind,
        phone=_phone(settings, line, at),
        rtp_host=at.host,
        rtp_ports=line.rtp_ports if any(line.rtp_ports) else (16384, 32767),
        app_socket=app_socket(data),
        prompts=data / "prompts",
        spool=data / "spool",
        recordings=data / "recordings",
        key_file=data / "key",
        ready=ready_path(data, name),
        dids=tuple(_did(number, settings.plan, spoken) for number in settings.plan.numbers),
        destinations={key: _destination(entry) for key, entry in settings.plan.destinations.items()},
    )


def _did(number: str, plan: Plan, spoken: Announcements) -> Did:
    return Did(
        number=number,
        aliases=(*plan.numbers[number].aliases, *spellings(number)),
        fallback=spoken.fallback,
        sorry=spoken.sorry,
        destination=on_its_own(plan, number),
        any=len(plan.numbers) == 1,
    )


def on_its_own(plan: Plan, number: str) -> str:
    """Return the destination that a line on its own passes a number's calls to."""
    entry = plan.numbers[number]
    return plan.counterpart(entry.destination, entry.home)


def _destination(entry: Destination) -> LineDestination:
    if entry.uri:
        return LineDestination(uri=entry.uri, method=entry.method)
    return LineDestination(uri=entry.number, method=entry.method, line=entry.via)


def listening(settings: Settings, name: str) -> Address:
    """Return where line `name` listens: --sip is for the first of our lines, the others say it themselves."""
    own = embedded_lines(settings.plan)
    if name == next(iter(own), name):
        return settings.sip
    return Address(host=own[name].host, port=own[name].port)


def _phone(settings: Settings, line: EmbeddedLine | PyVoipLine, at: Address) -> PhoneSettings:
    plan = settings.plan
    trunks = {name: trunk for name in trunks_of(line) if isinstance(trunk := plan.trunks[name], SipTrunk)}
    registered = {name: trunk for name, trunk in trunks.items() if trunk.registers and trunk.account}
    peers = tuple(_peer(settings, name, trunk) for name, trunk in trunks.items() if name not in registered)
    return PhoneSettings(
        listen=_listen(settings, line, at, {trunk.transport for trunk in trunks.values()}),
        accounts=tuple(_account(settings, name, trunk) for name, trunk in registered.items()),
        public_host=line.public_address if isinstance(line, EmbeddedLine) else "",
        peers=peers or (() if registered else (LOOPBACK,)),
        channels=line.calls,
    )


def _listen(
    settings: Settings, line: EmbeddedLine | PyVoipLine, at: Address, transports: set[str]
) -> tuple[Listen, ...]:
    """Listen on UDP, on TCP beside it (RFC 3261 18.2.1), and on TLS where there is a certificate."""
    udp = Listen("udp", at.host, at.port)
    if isinstance(line, PyVoipLine):
        return (udp,)
    tcp = Listen("tcp", at.host, at.port, needed="tcp" in transports)
    if not line.tls_port:
        return udp, tcp
    papers = (_path(settings, line.certificate), _path(settings, line.key))
    return udp, tcp, Listen("tls", at.host, line.tls_port, *papers)


def _path(settings: Settings, name: str) -> str:
    return str(settings.config / name) if name else ""


def _password(settings: Settings, name: str) -> str:
    password = settings.secrets.sip_passwords.get(name)
    if password is None:
        raise PasswordMissingError(name)
    return password.get_secret_value()


def _account(settings: Settings, name: str, trunk: SipTrunk) -> Account:
    assert trunk.account is not None  # noqa: S101  # the caller chose trunks with an account
    return Account(
        name=name,
        user=trunk.account.username,
        domain=bracketed(trunk.host.strip("[]")),
        password=_password(settings, name),
        auth_user=trunk.account.auth_user,
        registrar=_far_side(trunk),
        transport=trunk.transport,
        channels=trunk.calls,
        ca=_path(settings, trunk.ca_file),
        srtp=trunk.srtp,
    )


def _peer(settings: Settings, name: str, trunk: SipTrunk) -> Peer:
    account = trunk.account
    return Peer(
        name=name,
        networks=trunk.accept or _network(trunk.neighbour),
        host=_far_side(trunk),
        transport=trunk.transport,
        user=account.digest_user if account else "",
        password=_password(settings, name) if account else "",
        channels=trunk.calls,
        ca=_path(settings, trunk.ca_file),
        srtp=trunk.srtp,
    )


def _far_side(trunk: SipTrunk) -> str:
    """Return where requests go; without a port of its own, DNS (NAPTR, SRV) decides and knows substitutes."""
    host = trunk.host.strip("[]")
    written = f"[{host}]" if ":" in host else host
    return trunk.proxy or trunk.address.replace(trunk.host, written, 1)


def _network(host: str) -> tuple[str, ...]:
    try:
        return (str(ipaddress.ip_network(bare(host.strip("[]")))),)
    except ValueError:
        return ()


def trunks_of(line: EmbeddedLine | PyVoipLine) -> tuple[str, ...]:
    """Return the names of the trunks that a line of our own uses."""
    if isinstance(line, EmbeddedLine):
        return line.trunks
    return (line.trunk,) if line.trunk else ()


def embedded_lines(plan: Plan) -> Mapping[str, EmbeddedLine | PyVoipLine]:
    """Return the lines that need a process of their own."""
    return {name: line for name, line in plan.lines.items() if isinstance(line, EmbeddedLine | PyVoipLine)}
