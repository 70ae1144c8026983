"""Accounts, sign-in and tokens of the staff."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from callflow.store import Store, Tx, User
from callflow.users import account, api_token, invitation, session
from callflow.users.account import AccountError
from tests.support.stores import NOW, database_bytes

PASSWORD = "Sprechstunde-2026"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return account.hash_password(PASSWORD)


def _user(store: Store, login: str = "anna", password_hash: str = "") -> User:
    user = store.write_now(lambda tx: account.create(tx, login=login, name="Anna", now=NOW))
    if password_hash:
        token = store.write_now(lambda tx: invitation.invite(tx, user.id, now=NOW))
        store.write_now(lambda tx: invitation.accept(tx, token, password_hash, now=NOW))
    return store.read_now(lambda tx: tx.get_one(User, user.id))


def test_a_new_account_has_no_password_that_would_fit(store: Store) -> None:
    user = _user(store)
    assert [account.matches(user, guess) for guess in ("", "nobody", "admin")] == [False, False, False]


def test_the_right_password_fits_and_no_other(store: Store, password_hash: str) -> None:
    user = _user(store, password_hash=password_hash)
    assert (account.matches(user, PASSWORD), account.matches(user, PASSWORD.lower())) == (True, False)
    assert account.matches(None, PASSWORD) is False


def test_a_disabled_account_cannot_sign_in(store: Store, password_hash: str) -> None:
    user = _user(store, password_hash=password_hash)
    user.active = False
    assert account.matches(user, PASSWORD) is False


@pytest.mark.parametrize("password", ["kurz", "x" * 257])
def test_short_and_endless_passwords_are_refused(password: str) -> None:
    with pytest.raises(AccountError, match="10 to 256"):
        account.hash_password(password)


def test_a_login_is_given_once_whatever_its_case(store: Store) -> None:
    _user(store, "Anna")
    with pytest.raises(AccountError, match="taken"):
        _user(store, "ANNA ")
    assert store.read_now(lambda tx: account.find(tx, "aNNa")) is not None


def test_five_wrong_passwords_lock_the_account_for_five_minutes(store: Store) -> None:
    user = _user(store)
    for count in range(5):
        assert not account.locked(store.read_now(lambda tx: account.find(tx, "anna")), now=NOW), count
        store.write_now(lambda tx: account.count_failure(tx, user.id, now=NOW))
    locked = store.read_now(lambda tx: account.find(tx, "anna"))
    assert account.locked(locked, now=NOW + timedelta(minutes=4, seconds=59))
    assert not account.locked(locked, now=NOW + timedelta(minutes=5))


def test_an_invitation_sets_the_password_once(store: Store, password_hash: str) -> None:
    user = _user(store)
    token = store.write_now(lambda tx: invitation.invite(tx, user.id, now=NOW))
    accepted = [
        store.write_now(lambda tx: invitation.accept(tx, token, password_hash, now=NOW)) is not None
        for _ in range(2)
    ]
    assert accepted == [True, False]


def test_an_invitation_ends_after_two_days_and_with_the_next_one(store: Store) -> None:
    user = _user(store)
    first, second = (store.write_now(lambda tx: invitation.invite(tx, user.id, now=NOW)) for _ in range(2))
    at = NOW + timedelta(days=2) - timedelta(seconds=1)
    assert store.read_now(lambda tx: invitation.invited(tx, first, now=at)) is None
    assert store.read_now(lambda tx: invitation.invited(tx, second, now=at)) is not None
    assert store.read_now(lambda tx: invitation.invited(tx, second, now=NOW + timedelta(days=2))) is None


def test_the_first_admin_gets_links_until_a_password_is_set(store: Store, password_hash: str) -> None:
    first = store.write_now(lambda tx: invitation.first_admin(tx, now=NOW))
    again = store.write_now(lambda tx: invitation.first_admin(tx, now=NOW))
    assert first != again
    admin = store.write_now(lambda tx: invitation.accept(tx, again or "", password_hash, now=NOW))
    assert admin is not None
    assert (admin.login, admin.role) == ("admin", "admin")
    assert store.write_now(lambda tx: invitation.first_admin(tx, now=NOW)) is None


def test_a_session_lasts_while_it_is_used_at_most_twelve_hours(store: Store) -> None:
    user = _user(store)
    token, row = store.write_now(lambda tx: session.sign_in(tx, user.id, now=NOW))

    def alive(hours: float) -> bool:
        at = NOW + timedelta(hours=hours)
        return store.read_now(lambda tx: session.signed_in(tx, token, now=at)) is not None

    assert (alive(1.99), alive(2)) == (True, False)
    for hours in range(1, 12):
        store.write_now(lambda tx, at=NOW + timedelta(hours=hours): session.touch(tx, row.id, now=at))
    assert (alive(11.99), alive(12)) == (True, False)


def test_signing_out_and_a_new_password_end_sessions(store: Store, password_hash: str) -> None:
    user = _user(store)
    tokens = [store.write_now(lambda tx: session.sign_in(tx, user.id, now=NOW))[0] for _ in range(2)]

    def alive() -> list[bool]:
        found = [
            store.read_now(lambda tx, each=each: session.signed_in(tx, each, now=NOW)) for each in tokens
        ]
        return [each is not None for each in found]

    store.write_now(lambda tx: session.sign_out(tx, tokens[0]))
    assert alive() == [False, True]
    invited = store.write_now(lambda tx: invitation.invite(tx, user.id, now=NOW))
    store.write_now(lambda tx: invitation.accept(tx, invited, password_hash, now=NOW))
    assert alive() == [False, False]


def test_an_api_token_opens_its_scopes_until_it_is_revoked(store: Store) -> None:
    token, row = store.write_now(lambda tx: api_token.issue(tx, name="PVS", scopes={"cards:read"}, now=NOW))

    def holds(scope: str) -> bool:
        return store.read_now(lambda tx: api_token.holder(tx, token, scope)) is not None

    assert (holds("cards:read"), holds("cards:write")) == (True, False)
    store.write_now(lambda tx: api_token.revoke(tx, row.id, now=NOW))
    assert holds("cards:read") is False


def test_an_unknown_scope_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="unknown scopes: everything"):
        store.write_now(lambda tx: api_token.issue(tx, name="x", scopes={"everything"}, now=NOW))


def test_no_token_stands_in_the_database(store: Store, tmp_path: Path) -> None:
    user = _user(store)
    tokens = [
        store.write_now(lambda tx: session.sign_in(tx, user.id, now=NOW))[0],
        store.write_now(lambda tx: invitation.invite(tx, user.id, now=NOW)),
        store.write_now(lambda tx: api_token.issue(tx, name="PVS", scopes=(), now=NOW))[0],
    ]
    on_disk = database_bytes(tmp_path)
    assert [token for token in tokens if token.encode() in on_disk] == []


def test_an_account_from_before_devices_were_named_reads_as_without_one(store: Store) -> None:
    user = store.write_now(lambda tx: account.create(tx, login="eva", name="Eva", now=NOW))
    store.write_now(lambda tx: tx.connection().exec_driver_sql("UPDATE users SET device = NULL"))
    assert store.read_now(lambda tx: tx.get_one(User, user.id).device) == ""
    store.write_now(lambda tx: setattr(tx.get_one(User, user.id), "device", "23"))
    assert store.read_now(lambda tx: tx.get_one(User, user.id).device) == "23"


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [("23", "23"), (" *21 ", "*21"), ("", ""), ("0171 1234567", "+491711234567"), ("+49 351 99", "")],
)
def test_an_own_telephone_is_an_extension_or_a_full_number(typed: str, dialled: str) -> None:
    if typed and not dialled:
        with pytest.raises(AccountError):
            account.own_device(typed)
    else:
        assert account.own_device(typed) == dialled


@pytest.mark.parametrize("typed", ["112", "0112", "110", "00116117", "Empfang", "123456789"])
def test_no_own_telephone_is_an_emergency_number_or_a_word(typed: str) -> None:
    with pytest.raises(AccountError):
        account.own_device(typed)


def test_the_last_managing_person_stays_one(store: Store) -> None:
    eva = store.write_now(lambda tx: account.create(tx, login="eva", name="Eva", role="admin", now=NOW))

    def demote(tx: Tx) -> None:
        account.change(tx, eva.id, account.Person("Eva"))

    with pytest.raises(AccountError):
        store.write_now(demote)
    store.write_now(lambda tx: account.create(tx, login="ida", name="Ida", role="admin", now=NOW))
    store.write_now(demote)
    assert store.read_now(lambda tx: tx.get_one(User, eva.id).role) == "staff"
