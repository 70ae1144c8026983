"""Clips in the sound bank."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callflow import g711
from sip.media.sounds import LONGEST_PACKET, BankClip, SoundBank


def content(bank: SoundBank, clip: BankClip) -> bytes:
    windows = bank.windows(160)
    whole = b"".join(windows[at].tobytes() for at in range(clip.start, clip.start + clip.length + 160, 160))
    return whole[: clip.length]


def test_a_clip_is_brought_in_once() -> None:
    bank = SoundBank()
    assert bank.hold(b"a" * 800, ulaw=False) is bank.hold(b"a" * 800, ulaw=False)


def test_after_its_end_a_clip_runs_on_into_silence() -> None:
    bank = SoundBank()
    for ulaw, silence in ((False, g711.SILENCE), (True, 0xFF)):
        clip = bank.hold(b"a" * 100, ulaw=ulaw)
        after = bank.windows(LONGEST_PACKET)[clip.start + clip.length]
        assert after.tobytes() == bytes([silence]) * LONGEST_PACKET


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 200_000), st.booleans(), st.booleans()), max_size=60
    )
)
def test_clips_in_use_keep_their_sound_however_many_come_and_go(
    steps: list[tuple[int, int, bool, bool]],
) -> None:
    bank, held = SoundBank(limit=1 << 20), []
    for name, length, ulaw, let_go in steps:
        alaw = bytes([name]) * length
        held.append((alaw.translate(g711.A_TO_U) if ulaw else alaw, bank.hold(alaw, ulaw=ulaw)))
        if let_go:
            bank.release(held.pop(0)[1])
    assert [content(bank, clip) for _, clip in held] == [sound for sound, _ in held]


def test_clips_that_nobody_plays_make_way_instead_of_the_bank_growing() -> None:
    bank = SoundBank(limit=1 << 20)
    for number in range(500):
        bank.release(bank.hold(number.to_bytes(2, "big") * 20_000, ulaw=False))
    assert bank.size == 1 << 20
