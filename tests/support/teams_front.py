"""Kamailio and rtpengine with the configuration that we render."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from callflow.plan import Plan
from sip.render import kamailio
from tests.support.asterisk_box import Daemon, Folder, free_port, port_span
from tests.support.certificates import Authority, Pair

TEMPLATES = Path(__file__).parents[2] / "docker" / "kamailio"
INSIDE, OUTSIDE = "127.0.0.4", "127.0.0.6"
FQDN = "sbc.praxis.example"
NAMES = ("sip.pstnhub.microsoft.com", "sip2.pstnhub.microsoft.com", "sip3.pstnhub.microsoft.com")
HOSTS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")


@dataclass(frozen=True)
class FrontPorts:
    """Where the front and Microsoft's stand-ins listen in one run."""

    inside: int = field(default_factory=lambda: free_port(INSIDE))
    tls: int = field(default_factory=lambda: free_port(OUTSIDE))
    control: int = field(default_factory=lambda: free_port(INSIDE))
    microsoft: int = field(default_factory=lambda: free_port(HOSTS[0]))


class Front:
    """Kamailio and rtpengine in one folder."""

    def __init__(
        self, plan: Plan, ports: FrontPorts, asterisk: str, files: dict[str, str], folder: Folder
    ) -> None:
        self.folder = folder
        for name, text in files.items():
            (folder.outside / name).write_text(text)
        site = kamailio.FrontSite(
            etc=str(folder.inside),
            front_inside=f"{INSIDE}:{ports.inside}",
            asterisk=asterisk,
            media_control=f"{INSIDE}:{ports.control}",
            media_ports=port_span(OUTSIDE, 400),
        )
        for name, text in kamailio.render(plan, site, TEMPLATES).items():
            (folder.outside / name).write_text(text)
        inside = str(folder.inside)
        # The harder order on purpose: nothing orders the two when a machine boots.
        self.proxy = Daemon(
            ["/usr/sbin/kamailio", "-DD", "-E", "-f", f"{inside}/kamailio.cfg", "-Y", inside, "-w", inside],
            folder.outside / "kamailio.log",
        )
        self.media = Daemon(
            [
                "/usr/bin/rtpengine",
                "--config-file",
                f"{inside}/rtpengine.conf",
                "--config-section",
                "rtpengine",
            ],
            folder.outside / "rtpengine.log",
        )

    def log(self) -> str:
        return (self.folder.outside / "kamailio.log").read_text(errors="replace")

    def stop(self) -> None:
        self.proxy.stop()
        self.media.stop()
        self.folder.remove()


def server_tls(pair: Pair, authority: Authority, folder: Path) -> ssl.SSLContext:
    """Return a data centre's TLS context: it demands the SBC's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    chain, key = folder / "peer.pem", folder / "peer.key"
    chain.write_text(pair.certificate)
    key.write_text(pair.key)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(cadata=authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
