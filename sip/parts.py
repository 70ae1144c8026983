"""What all calls of one line process share, and the work that must not hold up the audio clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from callflow.prompts.cache import Cache, NoClip
from callflow.sealing import Sealer
from callflow.spool import Slot, SpooledCall, SpoolWriter
from callflow.voice_messages import keep
from sip.app_link import AppLink
from sip.line_config import LineConfig
from sip.media import srtp
from sip.media.engine import MediaEngine, Stream
from sip.signalling.offer import Local, Sound
from sip.signalling.sdp import EVENTS, PCMA, PCMU, Crypto
from sip.telephone import Telephone

_LAWS = {PCMA.name: PCMA.payload, PCMU.name: PCMU.payload}
_log = structlog.get_logger("line")


@dataclass(slots=True)
class Disk:
    """Spool and voice messages, written in order by one thread.

    Args:
        config: where they lie.
        sealer: seals both.
        writer: the line's spool.
    """

    config: LineConfig
    sealer: Sealer
    writer: SpoolWriter
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "disk"))

    async def spool(self, call: SpooledCall, older: Slot | None) -> Slot | None:
        """Put a call into the spool in place of its older record; None when the disk refused."""
        loop = asyncio.get_running_loop()
        try:
            if older is None:
                return await loop.run_in_executor(self._thread, self.writer.write, call)
            return await loop.run_in_executor(self._thread, self.writer.replace, older, call)
        except OSError as error:
            _log.exception("spool failed", call=call.call, error=error.strerror)
            return older

    async def keep(self, name: str, alaw: bytes) -> bool:
        """Store a voice message; False when the disk refused."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, keep, self.config.recordings, self.sealer, name, alaw)
        except OSError as error:
            _log.exception("voice message lost", recording=name, error=error.strerror)
            return False
        return True

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown()
        self.writer.close()


@dataclass(slots=True)
class Parts:
    """The parts of a line process."""

    config: LineConfig
    phone: Telephone
    engine: MediaEngine
    link: AppLink
    cache: Cache
    disk: Disk

    def frames(self, keys: Sequence[str], call: str = "") -> list[bytes]:
        """Return the clips' sound; a clip that is not there is logged and left out."""
        found: list[bytes] = []
        for key in keys:
            try:
                found.append(self.cache.frames(key))
            except (NoClip, OSError):
                _log.exception("clip missing", clip=key, call=call)
        return found

    def local(self, stream: Stream, line: str) -> Local:
        """Return our end of a leg's sound for the signalling; `line` is the leg's account or peer."""
        keys = (Crypto(1, srtp.SUITE, stream.srtp_key),)
        wanted = self.config.phone.srtp(line)
        return Local(self.config.rtp_host, stream.port, crypto=keys, srtp=wanted)


def connect(stream: Stream, sound: Sound) -> None:
    """Point a stream at what the signalling agreed on."""
    heard = next((codec.payload for codec in sound.received if codec.name == EVENTS.name), None)
    keys = None
    if sound.local_crypto and sound.remote_crypto:
        keys = srtp.SrtpKeys(sound.local_crypto.key, sound.remote_crypto.key)
    stream.connect(
        sound.address,
        sound.port,
        sound.codec.payload,
        None if sound.events is None else sound.events.payload,
        sound.ptime,
        direction=sound.direction,
        rtcp_port=sound.rtcp_port,
        inband_keys=sound.events is None,
        event_clock=sound.events.rate if sound.events else EVENTS.rate,
        event_payload_heard=heard,
        srtp=keys,
        hosts=sound.hosts,
        laws={
            each.payload: _LAWS[each.name] for each in (sound.codec, *sound.received) if each.name in _LAWS
        },
    )
