"""What a line process needs to know; the bootstrap writes it to DATA/run/<line>.json.

The file may hold passwords of accounts, so it is written for its owner's eyes only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sip.signalling.phone_settings import PhoneSettings

DESTINATION_LIMIT_MS = 25_000  # ms a destination may ring when the line acts alone


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Did(_Frozen):
    """One practice number as this line meets it.

    Args:
        number: E.164; what the app is told as `dialled`.
        aliases: other user parts that mean this number, as trunks write them.
        fallback: clip spoken when the app is away, before the call is passed on.
        sorry: clip spoken when the destination does not take the call either.
        destination: who gets the call when the app is away, a key of `LineConfig.destinations`.
        any: calls to unknown user parts are meant for this number.
    """

    number: str
    aliases: tuple[str, ...] = ()
    fallback: str
    sorry: str
    destination: str
    any: bool = False


class Destination(_Frozen):
    """How a destination is reached.

    Args:
        uri: SIP URI, or a number when `line` names an account or peer.
        method: "refer" asks the caller's side to call it, "bridge" calls it ourselves.
        line: account or peer that a bridge calls through, "" for the URI directly.
        caller: user part shown to it on a bridge, "" for the caller's own number.
    """

    uri: str
    method: Literal["refer", "bridge"] = "refer"
    line: str = ""
    caller: str = ""


class LineConfig(_Frozen):
    """Everything of one line process.

    Args:
        name: the line's name in config/lines.yaml.
        kind: "embedded" for our own telephone, "pyvoip" for pyVoIP's signalling with our sound.
        phone: sockets, accounts, peers and limits of the telephone.
        rtp_host: address that sound is sent from and expected at.
        rtp_ports: lowest and highest UDP port for sound.
        media_timeout_s: seconds without sound after which a call counts as dead.
        app_socket: the app's Unix socket.
        answer_s: seconds that the app has for an answer before the line acts alone.
        prompts: folder of the prompt cache.
        spool: folder for records of calls that the line handled alone.
        recordings: folder for sealed sound.
        key_file: key that spool and recordings are sealed with.
        ready: file written once the sockets are bound: `{"sip": [[transport, host, port], ...]}`.
        grace_s: seconds that calls may go on after SIGTERM.
        hand_on_s: seconds after these in which callers in a menu are passed to the reception; others go on.
        dids: the practice numbers of this line.
        destinations: name -> how it is reached.
    """

    name: str
    kind: Literal["embedded", "pyvoip"] = "embedded"
    phone: PhoneSettings = PhoneSettings()
    rtp_host: str = "127.0.0.1"
    rtp_ports: tuple[int, int] = (16384, 32767)
    media_timeout_s: float = Field(default=30.0, ge=0)
    app_socket: Path
    answer_s: float = Field(default=1.0, gt=0)
    prompts: Path
    spool: Path
    recordings: Path
    key_file: Path
    ready: Path | None = None
    grace_s: float = Field(default=20.0, ge=0)
    hand_on_s: float = Field(default=30.0, ge=0)
    dids: tuple[Did, ...]
    destinations: dict[str, Destination]

    def did(self, dialled: str) -> Did | None:
        """Return the practice number that the user part `dialled` stands for, None for nobody's."""
        for did in self.dids:
            if dialled == did.number or dialled in did.aliases:
                return did
        return next((did for did in self.dids if did.any), None)

    def save(self, path: Path) -> None:
        """Write the configuration in one piece, readable by its owner alone."""
        draft = path.with_name(f"{path.name}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=1))
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> LineConfig:
        """Read what `save` wrote.

        Raises:
            OSError: the file cannot be read.
            pydantic.ValidationError: it is no line configuration.
        """
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
