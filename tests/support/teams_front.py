"""Kamailio and rtpengine with the configuration that we render, started by the scripts that we ship."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from callflow.plan import Plan
from sip.render import kamailio
from tests.support.asterisk_box import Daemon, Folder
from tests.support.certificates import Authority, Pair
from tests.support.ports import free_port, sound_ports
from tests.support.teams_rules import CIPHERS

TEMPLATES = Path(__file__).parents[2] / "docker" / "kamailio"
INSIDE, OUTSIDE = "127.0.0.4", "127.0.0.6"
FQDN = "sbc.praxis.example"
NAMES = ("sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com")
HOSTS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
Texts = Mapping[str, str]


@dataclass(frozen=True)
class FrontPorts:
    """Where the front and Microsoft's stand-ins listen in one run."""

    inside: int = field(default_factory=free_port)
    tls: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)
    microsoft: int = field(default_factory=free_port)


class Front:
    """Kamailio and rtpengine in one folder.

    Args:
        plan: the number plan.
        ports: where both listen.
        asterisk: "address:port" of Asterisk.
        files: certificates and keys, name -> text.
        folder: where everything lies.
    """

    def __init__(self, plan: Plan, ports: FrontPorts, asterisk: str, files: Texts, folder: Folder) -> None:
        self.folder = folder
        self._inside = (INSIDE, ports.inside)
        self._log = folder.outside / "kamailio.log"
        site = kamailio.FrontSite(
            etc=str(folder.inside),
            front_inside=f"{INSIDE}:{ports.inside}",
            asterisk=asterisk,
            media_control=f"{INSIDE}:{ports.control}",
            media_ports=sound_ports(400),
        )
        self._good = dict(files) | kamailio.render(plan, site, TEMPLATES)
        self._kamailio = folder.script("kamailio/start.sh")
        media = folder.script("kamailio/start-media.sh")
        self._write(self._good)
        # The harder order on purpose: nothing orders the two when a machine boots.
        self.proxy = self._start()
        self.media = Daemon([media, str(folder.inside)], folder.outside / "rtpengine.log")

    def _write(self, files: Texts) -> None:
        for name, text in files.items():
            (self.folder.outside / name).write_text(text)
        self.folder.owned_by("kamailio:kamailio")

    def _start(self) -> Daemon:
        inside = str(self.folder.inside)
        return Daemon([self._kamailio, inside, inside], self._log)

    def restart(self, change: Callable[[dict[str, str]], None] = lambda _: None) -> None:
        """Start Kamailio again, with its good configuration as `change` leaves it."""
        self.proxy.stop()
        files = dict(self._good)
        change(files)
        self._log.write_text("")
        self._write(files)
        self.proxy = self._start()
        self.proxy.until(self._listens)  # until then Asterisk takes the PBX at once

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(self._inside, 1):
            return True
        return False

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        self.proxy.stop()
        self.media.stop()
        self.folder.remove()


def server_tls(pair: Pair, authority: Authority, folder: Path) -> ssl.SSLContext:
    """Return a data centre's TLS context: TLS 1.2, Microsoft's ciphers, the SBC's certificate demanded."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, pair, authority, folder)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(pair: Pair, authority: Authority, folder: Path) -> ssl.SSLContext:
    """Return the TLS context with which a data centre calls an SBC."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, pair, authority, folder)


def _context(protocol: int, pair: Pair, authority: Authority, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    chain, key = folder / "peer.pem", folder / "peer.key"
    chain.write_text(pair.certificate)
    key.write_text(pair.key)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(cadata=authority.certificate)
    return context
