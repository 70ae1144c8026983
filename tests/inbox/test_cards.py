"""What the inbox does with a card, one promise each."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow import inbox
from callflow.effects import CardKind, Urgency
from callflow.inbox import (
    CardClosedError,
    CardHeldError,
    CardNotHeldError,
    CardUnknownError,
    Contact,
    Deadlines,
)
from callflow.store import Store
from tests.support.stores import NOW

HOUR = timedelta(hours=1)
ERIKA, MAX = "+491711234567", "+491721234567"


def _open(store: Store, at: datetime = NOW, **contact: str) -> str:
    wish = Contact(**{"kind": "callback", "concern": "rezept", "number": ERIKA, **contact})  # type: ignore[arg-type]
    return store.write_now(lambda tx: inbox.open_card(tx, wish, now=at, due=at + HOUR)).id


def _claim(store: Store, card: str, user: str = "anna", at: datetime = NOW) -> None:
    store.write_now(lambda tx: inbox.claim(tx, card, user, now=at))


def _queue(store: Store, at: datetime = NOW) -> list[str]:
    return [card.id for card in store.read_now(lambda tx: inbox.queue(tx, now=at))]


def _kinds(store: Store, card: str) -> list[str]:
    return [entry.kind for entry in store.read_now(lambda tx: inbox.history(tx, card))]


def test_same_caller_and_concern_is_one_card_with_two_contacts(store: Store) -> None:
    first = _open(store, kind="missed")
    second = _open(store, NOW + HOUR, kind="callback", urgency="soon")
    card = store.read_now(lambda tx: inbox.find(tx, first))
    assert (second, card.contacts, card.kind, card.urgency) == (first, 2, "callback", "soon")
    assert (card.first_contact_at, card.last_contact_at, card.due_at) == (NOW, NOW + HOUR, NOW + HOUR)


def test_another_concern_another_caller_or_no_number_is_another_card(store: Store) -> None:
    wishes = [{}, {"concern": "termin"}, {"number": MAX}, {"number": ""}, {"number": ""}]
    assert len({_open(store, **wish) for wish in wishes}) == 5


def test_a_closed_card_is_not_joined(store: Store) -> None:
    first = _open(store)
    _claim(store, first)
    store.write_now(lambda tx: inbox.close(tx, first, "anna", "done", now=NOW))
    assert _open(store) != first


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [("missed", "form", "form"), ("form", "missed", "form"), ("callback", "link_unused", "callback")],
)
def test_a_joined_card_keeps_the_kind_that_tells_more(
    store: Store, before: CardKind, after: CardKind, kept: CardKind
) -> None:
    card = _open(store, kind=before)
    _open(store, kind=after)
    assert store.read_now(lambda tx: inbox.find(tx, card)).kind == kept


def test_the_queue_is_ordered_by_urgency_then_first_contact(store: Store) -> None:
    wishes: list[tuple[Urgency, int]] = [
        ("routine", 1),
        ("urgent", 3),
        ("routine", 0),
        ("soon", 2),
        ("urgent", 2),
    ]
    cards = {
        (urgency, minute): _open(store, NOW + timedelta(minutes=minute), urgency=urgency, number="")
        for urgency, minute in wishes
    }
    order = [("urgent", 2), ("urgent", 3), ("soon", 2), ("routine", 0), ("routine", 1)]
    assert _queue(store) == [cards[urgency, minute] for urgency, minute in order]  # type: ignore[index]


def test_two_people_cannot_hold_the_same_card(store: Store) -> None:
    card = _open(store)
    _claim(store, card, "anna")
    with pytest.raises(CardHeldError) as caught:
        _claim(store, card, "berta")
    assert (caught.value.by, store.read_now(lambda tx: inbox.find(tx, card)).claimed_by) == ("anna", "anna")


def test_claiming_ones_own_card_again_changes_nothing(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    _claim(store, card, at=NOW + HOUR)
    assert store.read_now(lambda tx: inbox.find(tx, card)).claimed_at == NOW
    assert _kinds(store, card) == ["opened", "claimed"]


def test_a_released_card_can_be_claimed_by_another(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.release(tx, card, "anna", now=NOW))
    _claim(store, card, "berta")
    assert store.read_now(lambda tx: inbox.find(tx, card)).claimed_by == "berta"


def test_a_card_can_be_taken_over_on_purpose(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.take_over(tx, card, "chefin", now=NOW))
    with pytest.raises(CardHeldError):
        store.write_now(lambda tx: inbox.close(tx, card, "anna", "done", now=NOW))


def test_a_claim_that_nobody_finishes_goes_back_into_the_queue(store: Store) -> None:
    stale, fresh = _open(store), _open(store, number=MAX)
    _claim(store, stale)
    _claim(store, fresh, at=NOW + timedelta(minutes=29))
    later = NOW + timedelta(minutes=30)
    freed = store.write_now(lambda tx: inbox.release_stale(tx, now=later, after=timedelta(minutes=30)))
    assert [card.id for card in freed] == [stale]
    assert store.read_now(lambda tx: inbox.find(tx, fresh)).claimed_by == "anna"


def test_an_unreached_person_comes_back_later(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.attempt(tx, card, "anna", now=NOW, back=NOW + HOUR))
    assert (_queue(store), _queue(store, NOW + HOUR)) == ([], [card])
    hidden = store.read_now(lambda tx: inbox.later(tx, now=NOW))
    assert [(each.id, each.attempts, each.status, each.claimed_by) for each in hidden] == [
        (card, 1, "open", "")
    ]


def test_a_person_who_calls_again_is_back_at_once(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.attempt(tx, card, "anna", now=NOW, back=NOW + HOUR))
    _open(store, NOW + timedelta(minutes=5))
    assert _queue(store, NOW + timedelta(minutes=5)) == [card]


def test_only_the_holder_closes_and_the_outcome_stays(store: Store) -> None:
    card = _open(store)
    with pytest.raises(CardNotHeldError):
        store.write_now(lambda tx: inbox.close(tx, card, "anna", "done", now=NOW))
    _claim(store, card)
    with pytest.raises(CardHeldError):
        store.write_now(lambda tx: inbox.close(tx, card, "berta", "done", now=NOW))
    closed = store.write_now(lambda tx: inbox.close(tx, card, "anna", "prescription", now=NOW))
    assert (closed.status, closed.outcome, closed.closed_by, closed.claimed_by) == (
        "closed",
        "prescription",
        "anna",
        "",
    )
    assert [each.id for each in store.read_now(lambda tx: inbox.closed(tx, since=NOW - HOUR))] == [card]


def test_an_unknown_outcome_is_refused_with_the_list_of_known_ones(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    with pytest.raises(ValueError, match="one of: done, appointment"):
        store.write_now(lambda tx: inbox.close(tx, card, "anna", "erledigt", now=NOW))  # type: ignore[arg-type]


def test_a_closed_card_is_claimed_only_after_it_was_reopened(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.close(tx, card, "anna", "done", now=NOW))
    with pytest.raises(CardClosedError):
        _claim(store, card, "berta")
    store.write_now(lambda tx: inbox.reopen(tx, card, "berta", now=NOW))
    _claim(store, card, "berta")
    assert _kinds(store, card) == ["opened", "claimed", "closed", "reopened", "claimed"]


def test_what_happened_to_a_card_can_be_read_in_order_with_its_notes(store: Store) -> None:
    card = _open(store)
    _claim(store, card)
    store.write_now(lambda tx: inbox.note(tx, card, "anna", "Rezept liegt bereit", now=NOW))
    history = store.read_now(lambda tx: inbox.history(tx, card))
    assert [(each.position, each.kind, each.user_id, each.text) for each in history] == [
        (1, "opened", "", "callback"),
        (2, "claimed", "anna", ""),
        (3, "note", "anna", "Rezept liegt bereit"),
    ]


def test_there_is_a_clear_error_for_a_card_that_does_not_exist(store: Store) -> None:
    with pytest.raises(CardUnknownError, match="no card x"):
        _claim(store, "x")


def test_overdue_cards_are_told(store: Store) -> None:
    late, _ = _open(store), _open(store, NOW + HOUR, number=MAX)
    overdue = store.read_now(lambda tx: inbox.overdue(tx, now=NOW + HOUR + timedelta(seconds=1)))
    assert [card.id for card in overdue] == [late]


def _office_hours(at: datetime) -> bool:
    return at.weekday() < 5 and 8 <= at.hour < 12


@pytest.mark.parametrize(
    ("contact", "due"),
    [
        (datetime.fromisoformat("2026-03-02T09:00+00:00"), "2026-03-02T11:00+00:00"),
        (datetime.fromisoformat("2026-03-02T11:30+00:00"), "2026-03-03T09:30+00:00"),
        (datetime.fromisoformat("2026-03-06T11:00+00:00"), "2026-03-09T09:00+00:00"),
    ],
)
def test_routine_deadlines_count_in_working_time(contact: datetime, due: str) -> None:
    deadlines = Deadlines(answers={"rezept": 2 * HOUR}, is_open=_office_hours)
    assert deadlines.due("rezept", "routine", contact) == datetime.fromisoformat(due)


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)))  # noqa: DTZ001  given a zone below
def test_a_deadline_exists_even_for_a_practice_that_never_opens(at: datetime) -> None:
    contact = at.replace(tzinfo=NOW.tzinfo)
    due = Deadlines(is_open=lambda _at: False).due("rezept", "routine", contact)
    assert contact < due <= contact + timedelta(days=15)


def test_urgent_cards_do_not_wait_for_opening_hours() -> None:
    night = NOW.replace(hour=23)
    due = Deadlines(is_open=lambda _at: False).due("rezept", "urgent", night)
    assert due == night + timedelta(minutes=15)


def test_pauses_between_attempts_grow_and_the_last_one_repeats() -> None:
    deadlines = Deadlines(pauses=(HOUR, 2 * HOUR))
    assert [deadlines.comes_back(attempt, NOW) - NOW for attempt in (1, 2, 3, 9)] == [
        HOUR,
        2 * HOUR,
        2 * HOUR,
        2 * HOUR,
    ]
