"""Offers and answers of one leg, in their order (RFC 3264 4 and 8, RFC 6337)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

from sip.signalling.offer import Local, OfferError, Sound, answer, settle, write
from sip.signalling.sdp import Section


class Negotiation:
    """The state that offer and answer share: one description of ours, its version, and who waits.

    Attributes:
        local: our sound as last offered or answered; None before.
        sound: what was agreed last; None before.
        offering: an offer of ours waits for its answer.
    """

    def __init__(self) -> None:
        self.local: Local | None = None
        self.sound: Sound | None = None
        self.offering = False
        self._session = secrets.randbits(48)
        self._version = 0
        self._before: Local | None = None

    def offer(self, local: Local) -> bytes:
        """Write an offer; it waits for `settle` or `withdraw`.

        What is protected stays so: an offer within the call is never weaker than what was agreed.
        """
        if self.sound and self.sound.srtp != "off" and local.srtp != "required":
            local = replace(local, srtp=self.sound.srtp)
        self._before, self.local = self.local, local
        self.offering = True
        self._version += 1
        return write(local, self._session, self._version)

    def withdraw(self) -> None:
        """The offer was refused: what stood before stands again (RFC 3264 8)."""
        self.offering = False
        self.local = self._before or self.local

    def settle(self, body: bytes) -> Sound:
        """Take the answer to our offer.

        Raises:
            SdpError: it cannot be read.
            OfferError: it declines the sound.
        """
        self.offering = False
        if self.local is None:
            raise OfferError("nothing was offered")
        self.sound = settle(body, self.local)
        return self.sound

    def preview(self, body: bytes) -> Sound:
        """Take an answer that may still be replaced: early media of one fork."""
        sound = self.settle(body)
        self.offering = True
        return sound

    def answer(self, offer: Sequence[Section], local: Local) -> tuple[bytes, Sound]:
        """Answer the peer's offer.

        Raises:
            OfferError: nothing in common; what stood before stands.
        """
        written, sound = answer(offer, local, self._session, self._version + 1)
        self._version += 1
        self.local, self.sound = local, sound
        return written, sound
