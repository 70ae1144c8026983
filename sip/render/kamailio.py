"""Kamailio and rtpengine in front of Asterisk: TLS with our name and SRTP towards Microsoft Teams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from callflow.plan import AsteriskLine, Plan, TeamsTrunk
from sip.render.files import BANNER, SYSTEM_TRUST, RenderError, environment

FILES = ("kamailio.cfg", "tls.cfg", "dispatcher.list", "address.list", "rtpengine.conf")


@dataclass(frozen=True, slots=True)
class FrontSite:
    """Where things lie on the machine or in the image that runs Kamailio (Debian's layout by default).

    Args:
        etc: folder of the configuration.
        modules: folder of Kamailio's modules.
        front_inside: "address:port" of the plain side that Asterisk speaks to.
        asterisk: "address:port" of Asterisk's plain side.
        media_control: "address:port" of rtpengine's control protocol.
        media_ports: first and last UDP port for sound.
    """

    etc: str = "/etc/kamailio"
    modules: str = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
    front_inside: str = "127.0.0.1:5062"
    asterisk: str = "127.0.0.1:5060"
    media_control: str = "127.0.0.1:2223"
    media_ports: tuple[int, int] = (30000, 39999)


def front_site(plan: Plan) -> FrontSite:
    """Return Debian's layout, with Asterisk where the plan's Asterisk line has it."""
    for line in plan.lines.values():
        if isinstance(line, AsteriskLine):
            host = "127.0.0.1" if ip_address(line.bind).is_unspecified else line.bind
            return FrontSite(asterisk=f"{host}:{line.sip_port}")
    return FrontSite()


def teams_trunk(plan: Plan) -> TeamsTrunk:
    """Return the plan's Teams trunk.

    Raises:
        RenderError: there is none, or more than one.
    """
    found = [trunk for trunk in plan.trunks.values() if isinstance(trunk, TeamsTrunk)]
    if len(found) != 1:
        raise RenderError("render-teams", found=str(len(found)))
    return found[0]


def _names(servers: Iterable[str]) -> str:
    """Return a pattern for the domains in which a data centre's certificate may bear its name.

    Microsoft's certificates bear one name for all data centres, or a wildcard. A backslash would not pass
    through Kamailio's language, so dots stand in brackets.
    """
    domains = {name if name.replace(".", "").isdigit() else name.partition(".")[2] for name in servers}
    return "|".join(sorted(domain.replace(".", "[.]") for domain in domains))


def render(plan: Plan, site: FrontSite, templates: Path) -> dict[str, str]:
    """Return file name -> text of Kamailio's and rtpengine's configuration.

    Args:
        plan: the number plan; it must have one Teams trunk.
        site: where things lie.
        templates: the folder docker/kamailio.

    Raises:
        RenderError: a value cannot be written, or the plan has no Teams trunk.
    """
    trunk = teams_trunk(plan)
    host, _, port = trunk.listen.rpartition(":")
    values = {
        "banner": BANNER,
        "site": site,
        "trunk": trunk,
        "port": port,
        "asterisk": site.asterisk,
        "asterisk_host": site.asterisk.rpartition(":")[0],
        "media_address": trunk.media_address or host,
        "names": _names(trunk.servers),
        "ca_file": trunk.ca_file or SYSTEM_TRUST,
    }
    env = environment(templates, "kamailio")
    return {name: env.get_template(f"{name}.j2").render(values) for name in FILES}
