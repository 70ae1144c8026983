"""HTTP digest for SIP, both sides (RFC 3261 22, RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sip.signalling.headers import Headers

_PAIR = re.compile(r'([A-Za-z0-9\-_]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|([^\s",]+))[ \t]*(?:,[ \t]*|$)')
_ESCAPED = re.compile(r"\\(.)")
# Best first; "-sess" binds the key to the first nonce.
ALGORITHMS = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")
_NONCES = 4096
Verdict = Literal["ok", "stale", "wrong", "none"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A user name with its password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    named: bool = False
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    proxy: bool = False


def parse_pairs(text: str) -> dict[str, str] | None:
    """Read the parameters of a Digest value; None for any other scheme or a malformed value."""
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    rest = rest.strip()
    pairs: dict[str, str] = {}
    at = 0
    while at < len(rest):
        found = _PAIR.match(rest, at)
        if not found:
            return None
        name, quoted, plain = found.groups()
        pairs[name.lower()] = _ESCAPED.sub(r"\1", quoted) if quoted is not None else plain
        at = found.end()
    return pairs


def parse_challenge(text: str, *, proxy: bool) -> Challenge | None:
    """Read a challenge; None for what we cannot answer."""
    pairs = parse_pairs(text)
    if not pairs or "realm" not in pairs or "nonce" not in pairs:
        return None
    algorithm = pairs.get("algorithm", "MD5").upper()
    if algorithm not in ALGORITHMS:
        return None
    qop = tuple(word.strip().lower() for word in pairs.get("qop", "").split(",") if word.strip())
    if qop and not {"auth", "auth-int"} & set(qop):
        return None
    return Challenge(
        pairs["realm"],
        pairs["nonce"],
        algorithm,
        "algorithm" in pairs,
        qop,
        pairs.get("opaque"),
        pairs.get("stale", "").lower() == "true",
        proxy,
    )


def challenges(status: int, headers: Headers) -> list[Challenge]:
    """Give the challenges of a 401 or 407, one per realm: the strongest that we can answer."""
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"  # noqa: PLR2004  # Unauthorized
    best: dict[str, Challenge] = {}
    for value in headers.all(name):
        found = parse_challenge(value, proxy=name.startswith("Proxy"))
        if found is None:
            continue
        rival = best.get(found.realm)
        if rival is None or ALGORITHMS.index(found.algorithm) < ALGORITHMS.index(rival.algorithm):
            best[found.realm] = found
    return list(best.values())


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes into a digest besides the challenge."""

    method: str
    uri: str
    body: bytes = b""
    cnonce: str = ""
    count: int = 1


def _hash(algorithm: str) -> Callable[[str], str]:
    make = hashlib.sha256 if algorithm.startswith("SHA-256") else hashlib.md5
    return lambda text: make(text.encode("utf-8", "surrogateescape")).hexdigest()


def digest(challenge: Challenge, secret: Secret, proof: Proof, qop: str) -> str:
    """Compute the response value (RFC 7616 3.4.1)."""
    h = _hash(challenge.algorithm)
    ha1 = h(f"{secret.user}:{challenge.realm}:{secret.password}")
    if challenge.algorithm.endswith("-SESS"):
        ha1 = h(f"{ha1}:{challenge.nonce}:{proof.cnonce}")
    entity = f":{h(proof.body.decode('utf-8', 'surrogateescape'))}" if qop == "auth-int" else ""
    ha2 = h(f"{proof.method}:{proof.uri}{entity}")
    if not qop:
        return h(f"{ha1}:{challenge.nonce}:{ha2}")
    return h(f"{ha1}:{challenge.nonce}:{proof.count:08x}:{proof.cnonce}:{qop}:{ha2}")


def credentials(challenge: Challenge, secret: Secret, proof: Proof) -> tuple[str, str]:
    """Write the header field that answers a challenge."""
    qop = "auth" if "auth" in challenge.qop else next(iter(challenge.qop), "")
    parts = [
        f'username="{_escape(secret.user)}"',
        f'realm="{_escape(challenge.realm)}"',
        f'nonce="{_escape(challenge.nonce)}"',
        f'uri="{proof.uri}"',
        f'response="{digest(challenge, secret, proof, qop)}"',
    ]
    if challenge.named:
        parts.append(f"algorithm={_spelled(challenge.algorithm)}")
    if qop:
        parts += [f"qop={qop}", f"nc={proof.count:08x}"]
    if qop or challenge.algorithm.endswith("-SESS"):
        parts.append(f'cnonce="{proof.cnonce}"')
    if challenge.opaque is not None:
        parts.append(f'opaque="{_escape(challenge.opaque)}"')
    name = "Proxy-Authorization" if challenge.proxy else "Authorization"
    return name, "Digest " + ", ".join(parts)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _spelled(algorithm: str) -> str:
    return algorithm.replace("-SESS", "-sess")


class Login:
    """A client's memory of challenges: answers them and reuses nonces.

    Args:
        secret: user and password.
        fresh: makes a cnonce.
    """

    def __init__(self, secret: Secret, fresh: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._secret = secret
        self._fresh = fresh
        self._known: dict[tuple[bool, str], Challenge] = {}
        self._counts: dict[str, int] = {}

    def answer(
        self, status: int, headers: Headers, method: str, uri: str, body: bytes = b""
    ) -> list[tuple[str, str]]:
        """Answer the challenges of a 401 or 407.

        Returns:
            Header fields for the repeated request; none when nothing can be answered or when the answer
            to this very nonce was refused (wrong password).
        """
        found = challenges(status, headers)
        fresh = [one for one in found if one.stale or self._known.get((one.proxy, one.realm)) is None]
        renewed = [one for one in found if one not in fresh and self._is_new(one)]
        if not fresh and not renewed:
            return []
        for one in found:
            self._known[one.proxy, one.realm] = one
        return self.fields(method, uri, body)

    def _is_new(self, challenge: Challenge) -> bool:
        """A new nonce after a used one: the server let the old one expire without saying stale.

        Only a nonce that had served before may be taken as expired; one refused at first use means a
        wrong password, and asking again would lock the account.
        """
        known = self._known[challenge.proxy, challenge.realm]
        return known.nonce != challenge.nonce and self._counts.get(known.nonce, 0) > 1

    def fields(self, method: str, uri: str, body: bytes = b"") -> list[tuple[str, str]]:
        """Write credentials for every realm known, each nonce with its next count."""
        written = []
        for challenge in self._known.values():
            count = self._counts.get(challenge.nonce, 0) + 1
            self._counts = {challenge.nonce: count} | {
                one.nonce: self._counts.get(one.nonce, 0) for one in self._known.values() if one != challenge
            }
            written.append(
                credentials(challenge, self._secret, Proof(method, uri, body, self._fresh(), count))
            )
        return written

    def forget(self) -> None:
        """Start afresh, e.g. with another registrar."""
        self._known.clear()
        self._counts.clear()


class Gate:
    """A server's side: makes nonces that need no memory and checks credentials.

    Args:
        realm: shown to the client.
        key: secret that signs nonces.
        life_s: how long a nonce serves.
    """

    def __init__(self, realm: str, key: bytes, life_s: int = 300) -> None:
        self.realm = realm
        self._key = key
        self._life_s = life_s
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenge(
        self, now: float, digests: Sequence[str] = ("SHA-256", "MD5"), *, stale: bool = False
    ) -> list[tuple[str, str]]:
        """Write the challenges of a 401.

        Args:
            now: wall time, seconds.
            digests: algorithms to offer, the preferred first (RFC 8760 2.4).
            stale: the password was right, but the nonce old.
        """
        nonce, realm = self._nonce(int(now)), _escape(self.realm)
        suffix = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm="{realm}", nonce="{nonce}", algorithm={name}, qop="auth"{suffix}',
            )
            for name in digests
        ]

    def check(
        self, headers: Headers, method: str, users: Mapping[str, str], now: float
    ) -> tuple[Verdict, str]:
        """Check a request's Authorization.

        Args:
            headers: the request's.
            method: the request's.
            users: passwords by user name.
            now: wall time, seconds.

        Returns:
            The verdict and, if "ok", the user.
        """
        for value in headers.all("Authorization"):
            pairs = parse_pairs(value)
            if pairs and pairs.get("realm") == self.realm:
                return self._judge(pairs, method, users, now)
        return "none", ""

    def _judge(
        self, pairs: dict[str, str], method: str, users: Mapping[str, str], now: float
    ) -> tuple[Verdict, str]:
        user, nonce = pairs.get("username", ""), pairs.get("nonce", "")
        algorithm = pairs.get("algorithm", "MD5").upper()
        count = pairs.get("nc", "")
        if algorithm not in {"MD5", "SHA-256"} or pairs.get("qop") != "auth":
            return "wrong", ""
        if not re.fullmatch(r"[0-9A-Fa-f]{8}", count) or not self._ours(nonce):
            return "wrong", ""
        challenge = Challenge(self.realm, nonce, algorithm)
        # An unknown user costs the same work and gives the same answer as a wrong password.
        secret = Secret(user, users.get(user, ""))
        proof = Proof(method, pairs.get("uri", ""), b"", pairs.get("cnonce", ""), int(count, 16))
        right = hmac.compare_digest(
            digest(challenge, secret, proof, "auth").encode(), pairs.get("response", "").encode()
        )
        if not right or user not in users:
            return "wrong", ""
        if int(nonce.partition("-")[0], 16) + self._life_s < now or not self._counted(nonce, int(count, 16)):
            return "stale", ""
        return "ok", user

    def _counted(self, nonce: str, count: int) -> bool:
        """Refuse a count that was used: a replay."""
        if count <= self._counts.get(nonce, 0):
            return False
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        if len(self._counts) > _NONCES:
            self._counts.popitem(last=False)
        return True

    def _nonce(self, at: int) -> str:
        stamp = f"{at:x}-{secrets.token_hex(6)}"
        return f"{stamp}-{self._signed(stamp)}"

    def _signed(self, stamp: str) -> str:
        return hmac.new(self._key, stamp.encode(), hashlib.sha256).hexdigest()[:24]

    def _ours(self, nonce: str) -> bool:
        stamp, _, mark = nonce.rpartition("-")
        return bool(re.fullmatch(r"[0-9a-f]{1,12}-[0-9a-f]{12}", stamp)) and hmac.compare_digest(
            self._signed(stamp).encode(), mark.encode("utf-8", "surrogateescape")
        )
