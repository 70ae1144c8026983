"""Who may talk to us: peers by address, rate limits, bans, and a log that cannot be flooded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from sip.signalling.phone_settings import Peer

_SOURCES = 4096  # most sources remembered; the oldest goes first, so that nobody fills our memory
_BAN_FACTOR = 10
_GUESSES = 10
_MINUTE_S = 60.0


class Peers:
    """Peers by network, most specific first.

    Args:
        peers: in any order; their networks are addresses or CIDR blocks.

    Raises:
        ValueError: a network that is none.
    """

    def __init__(self, peers: Iterable[Peer]) -> None:
        self._networks = sorted(
            ((ip_network(text, strict=False), peer) for peer in peers for text in peer.networks),
            key=lambda pair: -pair[0].prefixlen,
        )
        self._cache: OrderedDict[str, Peer | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._cache)

    def of(self, host: str) -> Peer | None:
        """Find the peer that an address belongs to."""
        if host in self._cache:
            return self._cache[host]
        address = ip_address(host.partition("%")[0])
        found = next((peer for network, peer in self._networks if address in network), None)
        self._cache[host] = found
        if len(self._cache) > _SOURCES:
            self._cache.popitem(last=False)
        return found


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    excess: int = 0
    guesses: int = 0
    banned_until: float = 0.0


class RateLimit:
    """A token bucket per source; who exceeds it tenfold is not heard for a while.

    Args:
        per_s: requests allowed per second, as many again at once; 0 for no limit.
        ban_s: seconds a ban lasts.
    """

    def __init__(self, per_s: int, ban_s: int) -> None:
        self._per_s = per_s
        self._ban_s = ban_s
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def forgives(self, host: str, now: float) -> bool:
        """Note a wrong password; False, and a ban, once a source has guessed too often."""
        bucket = self._bucket(host, now)
        bucket.guesses += 1
        if bucket.guesses <= _GUESSES:
            return True
        bucket.banned_until, bucket.guesses = now + self._ban_s, 0
        return False

    def allows(self, host: str, now: float) -> bool:
        """Count one request of a source at monotonic time `now` (seconds)."""
        bucket = self._bucket(host, now)
        if bucket.banned_until > now:
            return False
        if not self._per_s:
            return True
        bucket.tokens = min(self._per_s * 2, bucket.tokens + (now - bucket.at) * self._per_s)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.excess = 0
            return True
        bucket.excess += 1
        if bucket.excess > self._per_s * _BAN_FACTOR:
            bucket.banned_until, bucket.excess = now + self._ban_s, 0
        return False

    def _bucket(self, host: str, now: float) -> _Bucket:
        bucket = self._buckets.get(host)
        if bucket is None:
            bucket = self._buckets[host] = _Bucket(float(self._per_s * 2), now)
            if len(self._buckets) > _SOURCES:
                self._buckets.popitem(last=False)
        return bucket


class Throttle:
    """Lets one line per source and kind through each minute."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def speaks(self, source: str, kind: str, now: float) -> bool:
        """Tell whether to log at monotonic time `now` (seconds)."""
        key = (source, kind)
        last = self._seen.get(key)
        if last is not None and now - last < _MINUTE_S:
            return False
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > _SOURCES:
            self._seen.popitem(last=False)
        return True
