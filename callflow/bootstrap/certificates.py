"""The certificates that config/lines.yaml names: looked at before anything is started."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from callflow.language.plan_problems import plan_problems
from callflow.language.problems import FlowErrors, Problem, refused
from callflow.language.source import read
from callflow.plan import EmbeddedLine, Plan, SipTrunk
from callflow.plan_check import Fault
from callflow.settings import Settings
from sip.signalling.certificates import CertificateError, server_context


def check(settings: Settings) -> None:
    """Look at every certificate of the embedded lines and their trunks.

    Raises:
        FlowErrors: a file that is missing, cannot be read, or does not fit, where it is named.
    """
    found = problems(settings)
    if refused(found):
        raise FlowErrors(found)


def problems(settings: Settings) -> tuple[Problem, ...]:
    """Return what is wrong with the certificates, and which have expired, where they are named."""
    found = tuple(faults(settings.plan, settings.config))
    return tuple(plan_problems(read(settings.config / "lines.yaml"), found)) if found else ()


def faults(plan: Plan, folder: Path) -> Iterator[Fault]:
    """Give what is wrong with the plan's certificates; paths count from `folder`."""
    for name, line in plan.lines.items():
        if isinstance(line, EmbeddedLine) and line.tls_port and line.certificate:
            yield from _pair(("lines", name, "certificate"), folder, line)
    for name, trunk in plan.trunks.items():
        if isinstance(trunk, SipTrunk) and trunk.ca_file:
            yield from _authorities(("trunks", name, "ca_file"), folder / trunk.ca_file)


def _pair(place: tuple[str, ...], folder: Path, line: EmbeddedLine) -> Iterator[Fault]:
    certificate, key = folder / line.certificate, folder / line.key if line.key else None
    try:
        server_context(str(certificate), str(key or ""))
    except CertificateError as error:
        yield Fault(
            place,
            "certificate",
            f"{certificate.name}: {_GERMAN[error.fault]} Erwartet werden PEM-Dateien: die Kette in "
            "certificate, der Schlüssel ohne Passwort in key.",
            f"{certificate.name}: {error}. PEM files are expected: the chain in certificate, the key without "
            "a password in key.",
        )
        return
    until = _valid_until(certificate)
    if until < datetime.now(UTC):
        yield Fault(
            place,
            "expired",
            f"{certificate.name}: abgelaufen am {until:%d.%m.%Y}; Telefone nehmen es nicht mehr an.",
            f"{certificate.name}: expired on {until:%Y-%m-%d}; telephones refuse it.",
            "warning",
        )


_GERMAN = {
    "missing": "Zertifikat oder Schlüssel fehlt oder ist nicht lesbar.",
    "mismatch": "Der Schlüssel gehört nicht zum Zertifikat.",
    "encrypted": "Der Schlüssel ist mit einem Passwort geschützt.",
    "unreadable": "Zertifikat oder Schlüssel ist nicht zu verstehen.",
}


def _valid_until(certificate: Path) -> datetime:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _authorities(place: tuple[str, ...], path: Path) -> Iterator[Fault]:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:
        yield Fault(
            place,
            "ca_file",
            f"{path.name} fehlt, ist nicht lesbar oder enthält kein PEM-Zertifikat.",
            f"{path.name} is missing, cannot be read or holds no PEM certificate.",
        )
