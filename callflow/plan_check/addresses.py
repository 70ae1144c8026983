"""Names, addresses and ports as people write them into a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from callflow.plan_check.fault import Fault

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")  # RFC 1123; "_" as private DNS has it
_NAME = re.compile(r"[^\W_][\w-]{0,39}")
# What rings somewhere: digits and the signs of telephones' keys, or the name of an extension.
_DIALLABLE = re.compile(r"[A-Za-z0-9+*#._-]{1,64}")
_URI = re.compile(r"sips?:([^@\s<>\"]+@)?[^@\s<>\"]+", re.IGNORECASE)
PRIVATE = tuple(
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def is_address(text: str) -> bool:
    """Say whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_private(text: str) -> bool:
    """Say whether an address exists only behind address translation (RFC 1918, 6598, 4193)."""
    return is_address(text) and any(
        ip_address(text) in network for network in PRIVATE if network.version == ip_address(text).version
    )


def is_host(text: str) -> bool:
    """Say whether a text is a host's address or name, without a port."""
    if is_address(text.strip("[]")):
        return True
    labels = text.removesuffix(".").split(".")
    if labels[-1].isdecimal():  # 192.168.178.300
        return False
    return len(text) < 254 and all(_LABEL.fullmatch(label) for label in labels)  # noqa: PLR2004  # RFC 1035


def is_network(text: str) -> bool:
    """Say whether a text is an address or a network."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def is_one_address(text: str) -> bool:
    """Say whether a text is an address that somebody can send to."""
    return is_address(text) and not ip_address(text).is_unspecified


def is_diallable(number: str) -> bool:
    """Say whether a number can stand in a request: digits, + * #, or an extension's name."""
    return bool(_DIALLABLE.fullmatch(number))


def is_uri(text: str) -> bool:
    """Say whether a text is a SIP address."""
    return bool(_URI.fullmatch(text))


def user(uri: str) -> str:
    """Return whom a SIP address names, "" for nobody."""
    before, found, _ = uri.partition(":")[2].partition("@")
    return before.partition(";")[0] if found else ""


def bad_host(place: tuple[str, ...], text: str, *, port: bool = False) -> Iterator[Fault]:
    """Find what is no host; with `port`, "host:port" is one too."""
    host, colon, number = text.rpartition(":")
    if is_host(text) or (port and colon and number.isdecimal() and is_host(host)):
        return
    german, english = _meant(host, number) if colon and not port else ("", "")
    yield Fault(
        place,
        "bad_host",
        f"„{text}“ ist weder Name noch Adresse: fritz.box oder 192.168.178.1, ohne sip: davor{german}.",
        f"{text!r} is no host's name or address: fritz.box, 192.168.178.1, without sip: before it{english}",
    )


def _meant(host: str, number: str) -> tuple[str, str]:
    if not (is_host(host) and number.isdecimal()):
        return "", ""
    return (
        f"; der Port gehört in eine eigene Zeile: port: {number}",
        f"; the port stands apart: port: {number}",
    )


def bad_networks(place: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[Fault]:
    """Find what is neither an address nor a network."""
    for text in texts:
        if not is_network(text):
            yield Fault(
                place,
                "bad_network",
                f"„{text}“ ist weder Adresse noch Netz, wie 192.168.178.1 oder 192.168.178.0/24.",
                f"{text!r} is neither an address nor a network, such as 192.168.178.1 or 192.168.178.0/24",
            )


def bad_ports(place: tuple[str, ...], ports: tuple[int, int]) -> Iterator[Fault]:
    """Find a span of ports that ends before it begins."""
    first, last = ports
    if first > last:
        yield Fault(
            place,
            "bad_ports",
            f"Der erste Port ({first}) liegt über dem letzten ({last}): [erster, letzter] schreiben.",
            f"the first port ({first}) lies above the last ({last}): write [first, last]",
        )


def bad_name(place: tuple[str, ...]) -> Iterator[Fault]:
    """Find a name that files, other programs' configurations and the environment could not bear."""
    if not _NAME.fullmatch(place[-1]):
        yield Fault(
            place,
            "bad_name",
            f"„{place[-1]}“ taugt nicht als Name: höchstens 40 Buchstaben, Ziffern, - und _.",
            f"{place[-1]!r} is no name: at most 40 letters, digits, - and _",
        )
