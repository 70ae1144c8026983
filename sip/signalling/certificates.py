"""Our TLS certificate, and whose certificates we believe (RFC 3261 26.3)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

Wrong = Literal["missing", "mismatch", "encrypted", "unreadable"]
_WORDS: dict[Wrong, str] = {
    "missing": "certificate or key is missing or cannot be read",
    "mismatch": "the key does not belong to the certificate",
    "encrypted": "the key is protected by a password",
    "unreadable": "certificate or key cannot be understood",
}


class CertificateError(OSError):
    """A certificate that we cannot use.

    Args:
        fault: what is wrong with it.
    """

    def __init__(self, fault: Wrong) -> None:
        super().__init__(_WORDS[fault])
        self.fault = fault


class _PasswordError(Exception):
    pass


def _no_password() -> str:
    raise _PasswordError  # else OpenSSL would ask for it at the terminal


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """Make the server's TLS context.

    Args:
        certificate: PEM file with the chain.
        key: PEM file with the private key, "" if the certificate's file holds it.

    Raises:
        CertificateError: they cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key or None, _no_password)
    except _PasswordError:
        raise CertificateError("encrypted") from None
    except ssl.SSLError as error:
        raise CertificateError("mismatch" if "MISMATCH" in (error.reason or "") else "unreadable") from None
    except OSError:
        raise CertificateError("missing") from None


def client_context(ca: str) -> ssl.SSLContext:
    """Make a client's TLS context: the peer's certificate is always checked.

    Raises:
        OSError: the file of authorities cannot be read.
    """
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 demands what small authorities leave out, such as key identifiers (RFC 5280 4.2.1.1).
    # Who signed, for which name and until when is checked as ever.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class Renewable:
    """A server's context whose certificate may be renewed while it serves.

    Args:
        certificate: PEM file with the chain.
        key: PEM file with the private key, "" if the certificate's file holds it.

    Raises:
        CertificateError: they cannot be used.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._certificate, self._key = certificate, key
        self._seen = self._looks()
        self.context = server_context(certificate, key)

    def renew(self) -> bool:
        """Read the files again if they have changed; return whether new connections meet a new certificate.

        Raises:
            CertificateError: what lies there now cannot be used; the former certificate goes on.
        """
        looks = self._looks()
        if looks == self._seen:
            return False
        server_context(
            self._certificate, self._key
        )  # a context that fails half-way would serve nobody any more
        _load(self.context, self._certificate, self._key)
        self._seen = looks
        return True

    def _looks(self) -> tuple[tuple[int, int, int], ...]:
        files = [Path(name) for name in (self._certificate, self._key) if name]
        return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int, int]:
    """Tell one state of a file from another; all zero while it is away."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_ino, found.st_mtime_ns, found.st_size
