"""What becomes of a form link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from callflow import inbox
from callflow.inbox import Contact, Deadlines
from callflow.links import fallback, form, link
from callflow.links.form import Form
from callflow.links.link import LinkClosedError, Offer
from callflow.store import Attachment, Card, Link, Store, Tx
from tests.support.stores import NOW, database_bytes

HOUR = timedelta(hours=1)
ERIKA = "+491711234567"
RULES = Deadlines()


def _make(store: Store, **offer: str) -> tuple[str, str]:
    wish = Offer(ERIKA, "rezept", due=NOW + 2 * HOUR, expires=NOW + 72 * HOUR, **offer)  # type: ignore[arg-type]
    token, row = store.write_now(lambda tx: link.create(tx, wish, now=NOW))
    return token, row.id


def _submit(store: Store, link_id: str, answers: Form | None = None, at: timedelta = HOUR) -> Card:
    filled = answers or Form({"medikament": "Ramipril 5 mg"}, text="Medikament: Ramipril 5 mg")
    return store.write_now(lambda tx: form.submit(tx, link_id, filled, now=NOW + at, due=NOW + 8 * HOUR))


def _cards(store: Store) -> list[Card]:
    return list(store.read_now(lambda tx: inbox.queue(tx, now=NOW)))


def _fall_back(store: Store, at: timedelta = 2 * HOUR) -> list[Card]:
    return store.write_now(lambda tx: fallback.unused(tx, now=NOW + at, deadlines=RULES))


def test_the_token_has_128_bits_and_stands_nowhere_in_the_database(store: Store, tmp_path: Path) -> None:
    token, _ = _make(store)
    assert len(token) == 22
    assert token.encode() not in database_bytes(tmp_path)


def test_opening_a_link_uses_nothing_up(store: Store) -> None:
    token, link_id = _make(store)
    for _ in range(3):
        store.write_now(lambda tx: link.opened(tx, link_id, now=NOW + HOUR))
    found = store.read_now(lambda tx: link.by_token(tx, token, now=NOW + HOUR))
    assert found is not None
    assert (found.id, found.opens, found.opened_at) == (link_id, 3, NOW + HOUR)


def test_a_submitted_form_becomes_a_card_with_what_the_person_wrote(store: Store) -> None:
    _, link_id = _make(store, call_id="call-1")
    card = _submit(store, link_id)
    assert (card.kind, card.concern, card.number, card.text, card.call_id) == (
        "form",
        "rezept",
        ERIKA,
        "Medikament: Ramipril 5 mg",
        "call-1",
    )
    submission = store.read_now(lambda tx: form.submission_of(tx, card))
    assert submission is not None
    assert submission.answers == '{"medikament": "Ramipril 5 mg"}'


def test_a_form_is_submitted_once(store: Store) -> None:
    token, link_id = _make(store)
    _submit(store, link_id)
    with pytest.raises(LinkClosedError):
        _submit(store, link_id)
    assert len(_cards(store)) == 1
    assert store.read_now(lambda tx: link.by_token(tx, token, now=NOW + HOUR)) is None


def test_two_submissions_at_the_same_moment_leave_one_card(store: Store) -> None:
    _, link_id = _make(store)

    def twice(tx: Tx) -> None:
        form.submit(tx, link_id, Form(), now=NOW, due=NOW)
        form.submit(tx, link_id, Form(), now=NOW, due=NOW)

    with pytest.raises(LinkClosedError):
        store.write_now(twice)
    assert _cards(store) == []


def test_an_expired_link_takes_no_form(store: Store) -> None:
    token, link_id = _make(store)
    assert store.read_now(lambda tx: link.by_token(tx, token, now=NOW + 72 * HOUR)) is None
    with pytest.raises(LinkClosedError):
        _submit(store, link_id, at=72 * HOUR)


def test_a_link_not_used_by_its_deadline_becomes_one_card(store: Store) -> None:
    _make(store, urgency="soon", call_id="call-1")
    assert _fall_back(store, timedelta(minutes=119)) == []
    opened = _fall_back(store)
    assert [(card.kind, card.concern, card.number, card.urgency, card.call_id) for card in opened] == [
        ("link_unused", "rezept", ERIKA, "soon", "call-1")
    ]
    assert (_fall_back(store), _fall_back(store, 50 * HOUR), len(_cards(store))) == ([], [], 1)


def test_a_submitted_form_cancels_the_fallback(store: Store) -> None:
    _, link_id = _make(store)
    _submit(store, link_id)
    assert _fall_back(store) == []
    assert store.read_now(lambda tx: tx.get_one(Link, link_id)).fallback == "cancelled"


def test_a_form_after_the_fallback_joins_its_card(store: Store) -> None:
    _, link_id = _make(store)
    (opened,) = _fall_back(store)
    card = _submit(store, link_id, at=3 * HOUR)
    assert (card.id, card.kind, card.contacts) == (opened.id, "form", 2)


def test_a_form_joins_the_open_card_of_the_same_concern(store: Store) -> None:
    missed = Contact("missed", "rezept", number=ERIKA)
    waiting = store.write_now(lambda tx: inbox.open_card(tx, missed, now=NOW, due=NOW + HOUR))
    _, link_id = _make(store)
    assert _submit(store, link_id).id == waiting.id


def test_the_person_may_choose_another_concern_and_raise_the_urgency(store: Store) -> None:
    _, link_id = _make(store)
    card = _submit(
        store, link_id, Form(concern="befund", urgency="urgent", number="+491721234567", name="Erika")
    )
    assert (card.concern, card.urgency, card.number, card.name) == (
        "befund",
        "urgent",
        "+491721234567",
        "Erika",
    )


def test_a_draft_survives_until_the_form_is_sent(store: Store) -> None:
    _, link_id = _make(store)
    store.write_now(lambda tx: link.keep_draft(tx, link_id, {"medikament": "Rami"}, now=NOW))
    assert link.draft(store.read_now(lambda tx: tx.get_one(Link, link_id))) == {"medikament": "Rami"}
    _submit(store, link_id)
    assert link.draft(store.read_now(lambda tx: tx.get_one(Link, link_id))) == {}
    with pytest.raises(LinkClosedError):
        store.write_now(lambda tx: link.keep_draft(tx, link_id, {}, now=NOW))


def test_attachments_go_with_the_form(store: Store) -> None:
    _, link_id = _make(store)

    def attach(tx: Tx) -> None:
        tx.add(Attachment(link_id=link_id, media_type="image/png", size=3, content=b"png", at=NOW))

    store.write_now(attach)
    card = _submit(store, link_id)
    attachment = store.read_now(lambda tx: tx.exec(select(Attachment)).one())
    assert (attachment.submission_id, attachment.content) == (card.submission_id, b"png")


def test_the_visit_cookie_stands_for_the_link_and_cannot_be_forged(store: Store) -> None:
    _, link_id = _make(store)
    cookie = store.read_now(lambda tx: link.visit(store.sealer, tx.get_one(Link, link_id)))
    found = store.read_now(lambda tx: link.by_visit(tx, store.sealer, cookie))
    assert found is not None
    assert found.id == link_id
    changed: list[Callable[[str], str]] = [
        str.swapcase,
        lambda text: text[:-4],
        lambda _text: "",
        lambda _text: "ä",
    ]
    for change in changed:
        forged = change(cookie)
        assert store.read_now(lambda tx, each=forged: link.by_visit(tx, store.sealer, each)) is None
