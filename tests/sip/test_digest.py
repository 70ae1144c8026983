"""Digest authentication, both sides (RFC 2617, RFC 7616, RFC 8760)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.signalling.digest import Challenge, Gate, Login, Proof, Secret, challenges, digest, parse_pairs
from sip.signalling.headers import Headers

MUFASA = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "MD5", qop=("auth",))
HTTP = Challenge(
    "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "SHA-256", qop=("auth",)
)
USERS = {"anna": "geheim"}


def test_the_vector_of_rfc_2617_comes_out() -> None:
    proof = Proof("GET", "/dir/index.html", cnonce="0a4f113b")
    secret = Secret("Mufasa", "Circle Of Life")
    assert digest(MUFASA, secret, proof, "auth") == "6629fae49393a05397450978507c4ef1"
    assert digest(MUFASA, secret, proof, "") == "670fd8c2df070c60b045671b8b24ff02"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616_come_out(algorithm: str, value: str) -> None:
    challenge = Challenge(HTTP.realm, HTTP.nonce, algorithm, qop=("auth",))
    proof = Proof("GET", "/dir/index.html", cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    assert digest(challenge, Secret("Mufasa", "Circle of Life"), proof, "auth") == value


def asked(*values: str, status: int = 401) -> list[Challenge]:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return challenges(status, Headers([(name, value) for value in values]))


def test_of_several_challenges_of_a_realm_the_strongest_that_we_know_is_answered() -> None:
    found = asked(
        'Digest realm="a", nonce="1", algorithm=MD5',
        'Digest realm="a", nonce="2", algorithm=SHA-512-256',
        'Digest realm="a", nonce="3", algorithm=SHA-256, qop="auth"',
        'Digest realm="b", nonce="4"',
        'Basic realm="c"',
        'Digest realm="d", nonce="5", qop="novel"',
        'Digest realm="e',
    )
    assert [(one.realm, one.nonce) for one in found] == [("a", "3"), ("b", "4")]


def login() -> Login:
    return Login(Secret("anna", "geheim"), lambda: "c")


def headers(nonce: str, extra: str = "") -> Headers:
    return Headers([("WWW-Authenticate", f'Digest realm="r", nonce="{nonce}", qop="auth"{extra}')])


def test_a_nonce_is_used_again_with_its_count() -> None:
    client = login()
    client.answer(401, headers("n"), "INVITE", "sip:h")
    counts = [client.fields("BYE", "sip:h")[0][1].partition("nc=")[2][:8] for _ in range(2)]
    assert counts == ["00000002", "00000003"]


def test_refused_credentials_are_not_sent_twice() -> None:
    client = login()
    assert client.answer(401, headers("1"), "INVITE", "sip:h")
    assert not client.answer(401, headers("2"), "INVITE", "sip:h")


def test_a_stale_nonce_is_renewed() -> None:
    client = login()
    client.answer(401, headers("1"), "INVITE", "sip:h")
    assert 'nonce="2"' in client.answer(401, headers("2", ", stale=true"), "INVITE", "sip:h")[0][1]


def test_a_nonce_that_served_and_expired_silently_is_renewed_once() -> None:
    client = login()
    client.answer(401, headers("1"), "INVITE", "sip:h")
    client.fields("BYE", "sip:h")
    assert client.answer(401, headers("2"), "INVITE", "sip:h")
    assert not client.answer(401, headers("3"), "INVITE", "sip:h")


def test_server_and_proxy_are_answered_side_by_side() -> None:
    client = login()
    client.answer(407, Headers([("Proxy-Authenticate", 'Digest realm="p", nonce="1"')]), "INVITE", "sip:h")
    names = [name for name, _ in client.answer(401, headers("2"), "INVITE", "sip:h")]
    assert sorted(names) == ["Authorization", "Proxy-Authorization"]


def test_a_password_never_shows_in_a_representation() -> None:
    assert "geheim" not in repr(Secret("anna", "geheim"))


def shown(
    gate: Gate, password: str = USERS["anna"], user: str = "anna", *, at: float = 1000.0, which: int = 0
) -> Headers:
    client = Login(Secret(user, password), lambda: "c")
    return Headers(client.answer(401, Headers([gate.challenge(at)[which]]), "INVITE", "sip:h"))


@pytest.mark.parametrize("which", [0, 1])
def test_the_gate_lets_in_who_knows_the_password_by_either_algorithm(which: int) -> None:
    gate = Gate("r", b"key")
    assert gate.check(shown(gate, which=which), "INVITE", USERS, 1001) == ("ok", "anna")


@pytest.mark.parametrize(("user", "password"), [("anna", "falsch"), ("otto", "geheim"), ("otto", "")])
def test_the_gate_refuses_everyone_else_alike(user: str, password: str) -> None:
    gate = Gate("r", b"key")
    assert gate.check(shown(gate, password, user), "INVITE", USERS, 1001) == ("wrong", "")


def test_the_gate_takes_no_credentials_twice_and_none_that_are_old_or_anothers() -> None:
    gate = Gate("r", b"key", life_s=300)
    proof = shown(gate)
    assert gate.check(proof, "INVITE", USERS, 1000)[0] == "ok"
    assert gate.check(proof, "INVITE", USERS, 1000)[0] == "stale"
    assert gate.check(shown(gate), "INVITE", USERS, 1301)[0] == "stale"
    assert gate.check(shown(Gate("r", b"other")), "INVITE", USERS, 1000)[0] == "wrong"
    assert gate.check(shown(gate), "BYE", USERS, 1000)[0] == "wrong"
    assert gate.check(Headers(), "INVITE", USERS, 1000)[0] == "none"


@given(st.text(max_size=200))
def test_no_authorization_upsets_the_gate(text: str) -> None:
    gate = Gate("r", b"key")
    verdict, user = gate.check(Headers([("Authorization", f"Digest {text}")]), "INVITE", USERS, 1.0)
    assert (verdict in {"none", "wrong"}, user) == (True, "")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('Digest a="x, \\"y\\"", b=z', {"a": 'x, "y"', "b": "z"}),
        ("digest  A=1,b=2", {"a": "1", "b": "2"}),
        ("Basic a=1", None),
        ('Digest a="open', None),
    ],
)
def test_parameters_are_read(text: str, pairs: dict[str, str] | None) -> None:
    assert parse_pairs(text) == pairs
