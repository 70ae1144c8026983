"""Our TLS certificate: what can be wrong with it, and its renewal while calls go on."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sip.signalling.certificates import CertificateError, Wrong, client_context, server_context
from sip.signalling.phone import Phone
from sip.signalling.phone_settings import Listen
from tests.sip.peer import settings
from tests.support.certificates import Authority, Pair


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def pairs(authority: Authority) -> tuple[Pair, Pair]:
    """Two certificates for loopback: the one in force, and its successor."""
    return authority.pair("127.0.0.1"), authority.pair("127.0.0.1")


def lay(folder: Path, certificate: str, key: str) -> tuple[str, str]:
    """Write both files as renewing programs do: complete, then moved into place."""
    for name, text in (("cert.pem", certificate), ("key.pem", key)):
        (folder / "new").write_text(text)
        (folder / "new").replace(folder / name)
    return str(folder / "cert.pem"), str(folder / "key.pem")


def fault(certificate: str, key: str) -> Wrong:
    with pytest.raises(CertificateError) as caught:
        server_context(certificate, key)
    return caught.value.fault


def encrypted(pair: Pair) -> str:
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    protection = serialization.BestAvailableEncryption(b"geheim")
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, protection).decode()


def test_each_thing_that_is_wrong_with_a_certificate_has_a_name(
    tmp_path: Path, pairs: tuple[Pair, Pair]
) -> None:
    one, other = pairs
    assert fault(str(tmp_path / "none.pem"), "") == "missing"
    assert fault(*lay(tmp_path, one.certificate, other.key)) == "mismatch"
    assert fault(*lay(tmp_path, "no certificate", one.key)) == "unreadable"
    assert fault(*lay(tmp_path, one.certificate, encrypted(one))) == "encrypted"


def test_a_key_may_lie_in_the_certificates_file(tmp_path: Path, pairs: tuple[Pair, Pair]) -> None:
    certificate, _ = lay(tmp_path, pairs[0].certificate + pairs[0].key, "")
    assert server_context(certificate, "").minimum_version == ssl.TLSVersion.TLSv1_2


async def shown(phone: Phone, ca: Path) -> int:
    """Connect and give the serial number of the certificate that is shown."""
    host, port = phone.address("tls")
    opening = asyncio.open_connection(host, port, ssl=client_context(str(ca)))
    _, writer = await asyncio.wait_for(opening, 20)
    binary = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(binary).serial_number


def serial(pair: Pair) -> int:
    return x509.load_pem_x509_certificate(pair.certificate.encode()).serial_number


async def test_a_renewed_certificate_is_shown_to_the_next_who_connects_and_a_broken_one_is_not(
    tmp_path: Path, authority: Authority, pairs: tuple[Pair, Pair]
) -> None:
    one, other = pairs
    papers, ca = lay(tmp_path, one.certificate, one.key), tmp_path / "ca.pem"
    ca.write_text(authority.certificate)
    phone = Phone(settings(listen=(Listen("tls", "127.0.0.1", 0, *papers),)), lambda _: None)
    await phone.open()
    try:
        phone.renew_certificates()
        assert await shown(phone, ca) == serial(one)
        lay(tmp_path, other.certificate, one.key)  # half of a renewal
        phone.renew_certificates()
        assert await shown(phone, ca) == serial(one)
        lay(tmp_path, other.certificate, other.key)
        phone.renew_certificates()
        assert await shown(phone, ca) == serial(other)
        (tmp_path / "key.pem").unlink()
        phone.renew_certificates()
        assert await shown(phone, ca) == serial(other)
        assert (phone.counters["certificate_renewed"], phone.counters["certificate_unusable"]) == (1, 2)
    finally:
        await phone.close()


async def test_a_taken_port_stops_the_telephone_only_where_it_is_needed() -> None:
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    beside = (Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", port, needed=False))
    phone = Phone(settings(listen=beside), lambda _: None)
    await phone.open()
    assert phone.transports == ("udp",)
    await phone.close()
    needed = Phone(settings(listen=(Listen("tcp", "127.0.0.1", port),)), lambda _: None)
    with pytest.raises(OSError, match=f"tcp cannot listen on 127.0.0.1:{port}"):
        await needed.open()
    taken.close()
