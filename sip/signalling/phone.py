"""The SIP telephone: joins transports, transactions, dialogs and legs on one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from sip.addresses import lacks_zone
from sip.signalling.account import Extension
from sip.signalling.certificates import CertificateError, client_context
from sip.signalling.core import Core, bracketed
from sip.signalling.digest import Secret
from sip.signalling.guard import Peers
from sip.signalling.incoming import Origin
from sip.signalling.leg import Leg
from sip.signalling.legs import Legs
from sip.signalling.message import Request
from sip.signalling.offer import Local
from sip.signalling.outgoing import HIDDEN, NOBODY, Called, OutgoingLeg, sender_of
from sip.signalling.phone_settings import Account, Listen, Peer, PhoneSettings
from sip.signalling.reception import Reception
from sip.signalling.resolve import Resolver
from sip.signalling.stream import Inlet, Stream
from sip.signalling.transport import Address, Carrier, Hop, Udp
from sip.signalling.uri import Uri, is_number, parse_own, parse_uri, user_part

__all__ = ["Leg", "Phone", "PhoneSettings"]

log = structlog.get_logger("sip")
_FAREWELL_PAUSES = 32  # of a tenth of T1 each: three repetitions


class Phone:
    """A SIP user agent with any number of legs.

    Args:
        settings: addresses, accounts, peers and limits.
        on_invite: called with each new incoming leg (100 follows by itself) unless limits refused it; it must
            not block and must sooner or later answer, refuse or hang up.

    Attributes:
        counters: happenings by kind, for metrics: "requests", "calls", "refused", "malformed_...",
            "dropped_...", "registered".
    """

    def __init__(self, settings: PhoneSettings, on_invite: Callable[[Leg], None]) -> None:
        self.settings = settings
        self.on_invite = on_invite
        self.counters: Counter[str] = Counter()
        self._legs = Legs()
        self._peers = Peers(settings.peers)
        self._extensions: dict[str, Extension] = {}
        self._resolver = Resolver(settings.nameservers, settings.nameserver_port)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def legs(self) -> Mapping[str, Leg]:
        """Living legs by id."""
        return self._legs.living

    @property
    def registered(self) -> dict[str, bool]:
        """Which accounts are registered."""
        return {name: one.registered for name, one in self._extensions.items()}

    @property
    def busy(self) -> int:
        """How many legs are up."""
        return self._legs.busy()

    @property
    def load(self) -> dict[str, int]:
        """How much of everything is held, for metrics and leak tests."""
        counts = self._core.exchanges.counts
        return {"legs": len(self.legs), "dialogs": self._legs.dialogs, **counts}

    async def open(self) -> None:
        """Bind the sockets and start registering.

        Raises:
            OSError: an address cannot be bound (its text names it), or a certificate cannot be read.
            ValueError: an account's registrar is no host.
        """
        self._core = Core(self.settings, asyncio.get_running_loop(), self.counters)
        self._core.locate, self._core.way_out = self.hops, self._carrier
        self._reception = Reception(self._core, self._legs, self._peer_of, self._origin_of, self._invited)
        self._check_authorities()
        for account in self.settings.accounts:
            self._extensions[account.name] = Extension(self._core, account, self.hops)
        try:
            for listen in self.settings.listen:
                await self._listen_if_free(listen)
        except OSError:
            self._close_carriers()
            raise
        for extension in self._extensions.values():
            extension.start()

    def _check_authorities(self) -> None:
        named = [one.ca for one in self.settings.accounts] + [one.ca for one in self.settings.peers]
        for authorities in filter(None, named):
            client_context(authorities)

    def _invited(self, leg: Leg) -> None:
        self.on_invite(leg)

    async def _listen_if_free(self, listen: Listen) -> None:
        try:
            await self._listen(listen)
        except OSError as error:
            if listen.needed:
                raise
            log.warning("not listening", transport=listen.transport, error=str(error))

    async def _listen(self, listen: Listen) -> None:
        if listen.transport == "udp":
            udp = Udp(self._reception.datagram)
            await udp.open(listen.host, listen.port)
            self._core.carriers.append(udp)
            return
        stream = self._stream(listen.transport)
        await stream.open(listen)
        self._core.carriers.append(stream)

    def _stream(self, name: str) -> Stream:
        reception = self._reception
        return Stream(name, Inlet(reception.message, reception.fault, self._lost, reception.admits))

    def renew_certificates(self) -> None:
        """Take renewed TLS certificates into use; calls under way keep their connections."""
        for carrier in self._core.carriers:
            if isinstance(carrier, Stream):
                self._renew(carrier)

    def _renew(self, carrier: Stream) -> None:
        try:
            if carrier.renew():
                self.counters["certificate_renewed"] += 1
                log.info("certificate renewed", transport=carrier.name)
        except CertificateError as error:
            self.counters["certificate_unusable"] += 1
            log.warning("renewed certificate unusable", transport=carrier.name, fault=error.fault)

    def _lost(self, hop: Hop) -> None:
        self._core.exchanges.failed(hop)
        for extension in self._extensions.values():
            extension.lost(hop)

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new calls (503), let legs end for `grace_s`, hang up the rest, unregister, close."""
        self._reception.closing = True
        if grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._legs.until_empty(), grace_s)
        for leg in list(self.legs.values()):
            leg.hang_up()
        await asyncio.gather(*[extension.leave() for extension in self._extensions.values()])
        for task in self._tasks:
            task.cancel()
        await self._farewell()
        self._core.exchanges.close()
        for leg in list(self.legs.values()):
            leg.clear()
        self._close_carriers()

    async def _farewell(self) -> None:
        """Give the last BYEs a few repetitions' time to be answered."""
        pause = self.settings.t1_s / 10
        for _ in range(_FAREWELL_PAUSES):
            await asyncio.sleep(pause)
            if not self._core.exchanges.waiting:
                return

    def _close_carriers(self) -> None:
        for carrier in self._core.carriers:
            carrier.close()

    def address(self, transport: str = "udp") -> Address:
        """Give the host and port really bound (port 0 in the settings picks a free one).

        Raises:
            LookupError: nothing listens on this transport.
        """
        for carrier in self._core.carriers:
            if carrier.name == transport:
                return carrier.local
        raise LookupError(f"no {transport} transport is open")

    @property
    def transports(self) -> tuple[str, ...]:
        """What we listen on, the preferred one first."""
        return tuple(carrier.name for carrier in self._core.carriers if carrier.listening)

    async def until_registered(self, account: str) -> None:
        """Wait until an account is registered."""
        extension = self._extensions[account]
        while not extension.registered:
            extension.changed.clear()
            await extension.changed.wait()

    # Calling.

    def call(  # noqa: PLR0913  # each says one thing about the call; all but two have a plain default
        self,
        target: str,
        local: Local,
        *,
        line: str = "",
        caller: str = "",
        name: str = "",
        withheld: bool = False,
        ring_s: float = 120.0,
    ) -> Leg:
        """Send an INVITE; await `leg.answered()` for its outcome, `leg.hang_up()` cancels.

        Args:
            target: SIP URI, or a number when `line` names an account or peer.
            local: our sound.
            line: account or peer to call through; "" calls the URI directly.
            caller: user part of From; through an account it is only preferred (RFC 3325 9.2).
            name: display name of From.
            withheld: show nobody; an account's From must be its own, and its registrar is asked to hide it.
            ring_s: longest time to ring before it is cancelled as "no_answer", seconds.

        Raises:
            ValueError: the target is no SIP URI, or a bare number without a line that leads somewhere.
        """
        called = replace(self._called(target, line, caller, name), ring_s=ring_s)
        if withheld:
            sender = called.sender if line in self._extensions else NOBODY
            called = replace(called, sender=sender, extra=(HIDDEN,))
        extension = self._extensions.get(line)
        hop = extension.hop if extension else self._literal_hop(called)
        leg = OutgoingLeg(self._core, self._legs, hop, called, local)
        self._legs.add(leg)
        if hop:
            leg.start()
        else:
            self._spawn(self._start(leg, called))
        return leg

    def _literal_hop(self, called: Called) -> Hop | None:
        """Go at once where no name must be resolved and no certificate expected."""
        return None if called.ca else self._core.literal_hop(called.uri)

    def _called(self, target: str, line: str, caller: str, name: str) -> Called:
        extension = self._extensions.get(line)
        peer = next((peer for peer in self.settings.peers if peer.name == line), None)
        if extension:
            return self._by_account(extension.account, target, caller, name)
        uri = self._target(target, peer)
        secret = Secret(peer.user, peer.password) if peer and peer.user else None
        sender = sender_of(caller, self._own_host(uri), name)
        return Called(uri, sender, line, secret=secret, ca=peer.ca if peer else "")

    def _by_account(self, account: Account, target: str, caller: str, name: str) -> Called:
        """Call as the account, whose From is its address of record; registrars refuse any other."""
        uri = parse_own(f"sip:{user_part(target)}@{account.domain}" if is_number(target) else target)
        preferred = f"<sip:{user_part(caller)}@{account.domain}>"
        extra = (("P-Preferred-Identity", preferred),) if caller and caller != account.user else ()
        secret = Secret(account.auth_user or account.user, account.password)
        return Called(
            uri, sender_of(account.user, account.domain, name), account.name, secret=secret, extra=extra
        )

    def _target(self, target: str, peer: Peer | None) -> Uri:
        if not is_number(target):
            return parse_own(target)
        if peer is None or not peer.host:
            raise ValueError("a bare number needs a line that leads somewhere")
        suffix = "" if peer.transport == "udp" else f";transport={peer.transport}"
        return parse_own(f"sip:{user_part(target)}@{peer.host}{suffix}")

    def _own_host(self, uri: Uri) -> str:
        hop = self._core.literal_hop(uri)
        if hop:
            return bracketed(self._core.own_address(hop)[0])
        return bracketed(self.settings.public_host or self._core.carriers[0].local[0])

    async def _start(self, leg: OutgoingLeg, called: Called) -> None:
        hops = await self.hops(called.uri, called.ca)
        if not hops:
            leg.unreachable()
            return
        leg.hop, *leg.others = hops
        leg.start()

    def _spawn(self, work: asyncio._CoroutineLike[None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hops(self, uri: Uri, ca: str = "") -> list[Hop]:
        """Find where a URI's requests go, best first (RFC 3263).

        Args:
            uri: what shall be reached.
            ca: file of certificate authorities that count there, "" for the system's.
        """
        found: list[Hop] = []
        for target in await self._resolver.targets(uri, self._transports()):
            address = self._core.reachable(target.address)
            carrier = None if lacks_zone(address) else self._carrier(target.transport, address)
            if carrier is None:
                continue
            hop = Hop(carrier, (address, target.port))
            if isinstance(carrier, Stream):
                carrier.expect(hop.address, target.name, ca)
            found.append(hop)
        return found

    def _transports(self) -> list[str]:
        """Prefer what we listen on; TCP and TLS can always be called out on."""
        own = [carrier.name for carrier in self._core.carriers]
        return list(dict.fromkeys([*own, "tcp", "tls"]))

    def _carrier(self, name: str, address: str) -> Carrier | None:
        carrier = self._core.carrier(name, address)
        if carrier is None and name in {"tcp", "tls"}:
            carrier = self._stream(name)
            self._core.carriers.append(carrier)
        return carrier

    # Who calls us.

    def _peer_of(self, host: str) -> Peer | None:
        for extension in self._extensions.values():
            if host in extension.addresses:
                return _as_peer(extension.account)
        return self._peers.of(host)

    def _origin_of(self, message: Request, hop: Hop, peer: Peer) -> Origin:
        """Tell apart several accounts at one registrar by the contact that the call is for."""
        user = parse_uri(message.uri).name
        for extension in self._extensions.values():
            account = extension.account
            if hop.address[0] in extension.addresses and account.user == user:
                secret = Secret(account.auth_user or account.user, account.password)
                return Origin(hop, account.name, account.trust_identity, account.channels, user, secret)
        return Origin(hop, peer.name, peer.trust_identity, peer.channels)


def _as_peer(account: Account) -> Peer:
    return Peer(account.name, channels=account.channels, trust_identity=account.trust_identity)
