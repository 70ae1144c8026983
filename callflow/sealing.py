"""Sealing of personal data: authenticated encryption with key ids, and a keyed blind index for look-ups.

Both keys are derived from one 32-byte key file by HKDF (RFC 5869); sealing is AES-256-GCM (NIST SP 800-38D)
with a random 96-bit nonce. The *place* of a sealed value (table, column, row) is authenticated with it, so a
value moved to another place does not open.
"""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_VERSION) + _KEY_ID_BYTES


class SealError(ValueError):
    """A sealed value that does not open: wrong key, wrong place, or damaged."""


class KeyFileError(ValueError):
    """A key file that must not be used."""


class Sealer:
    """Seals and opens values.

    Args:
        key: 32 random bytes; seals everything new.
        older: keys that only open what was sealed before a change of keys.

    Raises:
        ValueError: a key of another length.
    """

    def __init__(self, key: bytes, *, older: Sequence[bytes] = ()) -> None:
        for each in (key, *older):
            if len(each) != KEY_BYTES:
                raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(each)}")
        self._key_id = _derive(key, b"key id", _KEY_ID_BYTES)
        self._ciphers = {
            _derive(each, b"key id", _KEY_ID_BYTES): AESGCM(_derive(each, b"seal", KEY_BYTES))
            for each in (key, *older)
        }
        self._blind_key = _derive(key, b"blind index", KEY_BYTES)

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return version, key id, nonce and ciphertext of `plain`, bound to `place`."""
        head = _VERSION + self._key_id
        nonce = token_bytes(_NONCE_BYTES)
        return head + nonce + self._ciphers[self._key_id].encrypt(nonce, plain, head + place)

    def unseal(self, sealed: bytes, place: bytes) -> bytes:
        """Return what `seal` was given.

        Raises:
            SealError: unknown key or version, another place, or damage.
        """
        head, nonce = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE_BYTES]
        cipher = self._ciphers.get(head[1:])
        if head[:1] != _VERSION or cipher is None:
            raise SealError("sealed with a key or version that this installation does not hold")
        try:
            return cipher.decrypt(nonce, sealed[_HEAD + _NONCE_BYTES :], head + place)
        except (InvalidTag, ValueError) as error:
            raise SealError("the sealed value is damaged or stands in another place") from error

    def blind(self, text: str) -> str:
        """Return a keyed hash by which equal texts find each other; "" stays ""."""
        if not text:
            return ""
        return hmac.digest(self._blind_key, text.encode(), "sha256").hex()


def load_key(path: Path) -> bytes:
    """Return the key in `path`; on first start make it (32 random bytes, mode 600).

    Raises:
        KeyFileError: the file has another length or others than its owner may read it.
    """
    if not path.exists():
        _make_key(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(
            f"{path} dürfen auch andere lesen (Rechte {mode:o}); bitte: chmod 600 {path}\n"
            f"{path} is readable by others (mode {mode:o}); run: chmod 600 {path}"
        )
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyFileError(
            f"{path} hat {len(key)} statt {KEY_BYTES} Bytes; bitte aus der Sicherung zurückholen.\n"
            f"{path} holds {len(key)} bytes instead of {KEY_BYTES}; restore it from your backup."
        )
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # link() refuses an existing name: of two processes that start at once, one key wins for both.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put on disk which files a folder holds; their contents are synced apart."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"rufweiche " + purpose).derive(key)
