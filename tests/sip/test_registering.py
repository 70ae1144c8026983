"""A telephone as an extension of a PBX or provider (RFC 3261 10.2, 22; RFC 3263)."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from sip.signalling.headers import Headers
from sip.signalling.message import Request, response
from sip.signalling.phone_settings import Account, PhoneSettings
from sip.signalling.registration import Registration, backoff_s, granted_s, refresh_s
from tests.sip.name_server import name_server
from tests.sip.peer import OURS, SDP, Call, House, answer_to, house, settings
from tests.sip.registrar import Registrar, registrar


def extension(at: Registrar, **more: object) -> PhoneSettings:
    given = {"user": "620", "domain": "fritz.invalid", "password": "geheim"} | more
    account = Account("fritz", registrar=f"127.0.0.1:{at.port}", **given)  # type: ignore[arg-type]
    return settings(accounts=(account,))


async def registered(home: House) -> None:
    await asyncio.wait_for(home.phone.until_registered("fritz"), 20)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", ""])
async def test_an_account_answers_the_challenge_and_is_registered(algorithm: str) -> None:
    async with registrar(users={"620": "geheim"}, algorithm=algorithm) as pbx, house(extension(pbx)) as home:
        await registered(home)
        assert [one.cseq.number for one in pbx.seen] == [1, 2]
        wanted = f"algorithm={algorithm or 'SHA-256'}"
        assert wanted in pbx.seen[1].headers.get("Authorization")
        assert home.phone.registered == {"fritz": True}


async def test_the_registrar_uri_has_no_user_and_a_401_is_never_acknowledged() -> None:
    async with registrar(users={"620": "geheim"}) as pbx, house(extension(pbx)) as home:
        await registered(home)
        assert {one.uri for one in pbx.seen} == {"sip:fritz.invalid"}
        assert all(not pbx.inbox.get_nowait().startswith(b"ACK") for _ in range(pbx.inbox.qsize()))


async def test_a_wrong_password_is_not_tried_again_at_once() -> None:
    async with registrar(users={"620": "anders"}) as pbx, house(extension(pbx)) as home:
        await home.counted("requests", 0)
        async with asyncio.timeout(20):
            while len(pbx.seen) < 2:
                await pbx.inbox.get()
        await asyncio.sleep(0.1)
        assert (len(pbx.seen), home.phone.registered) == (2, {"fritz": False})


async def test_why_an_account_is_not_registered_is_logged_once_without_its_password() -> None:
    with capture_logs() as logs:
        async with registrar(users={"620": "anders"}) as pbx, house(extension(pbx)) as home:
            async with asyncio.timeout(20):
                while not any(each["event"] == "not registered" for each in logs):  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.01)
            assert home.phone.registered == {"fritz": False}
    told = [each for each in logs if each["event"] == "not registered"]
    assert [(each["account"], each["status"]) for each in told] == [("fritz", 401)]
    assert "geheim" not in str(logs)


async def test_a_423_is_answered_with_the_time_that_it_demands() -> None:
    def brief(asked: Request) -> tuple[int, str] | None:
        return (423, "Min-Expires: 1800") if int(asked.headers.get("Expires")) < 1800 else None

    async with registrar(script=brief) as pbx, house(extension(pbx)) as home:
        await registered(home)
        assert [one.headers.get("Expires") for one in pbx.seen] == ["600", "1800"]


async def test_a_registration_is_refreshed_before_it_ends_with_the_nonce_counted_on() -> None:
    async with registrar(users={"620": "geheim"}, expires_s=1) as pbx, house(extension(pbx)) as home:
        await registered(home)
        async with asyncio.timeout(20):
            while len(pbx.contacts) < 2:
                await pbx.inbox.get()
        counts = [one.headers.get("Authorization").partition("nc=")[2][:8] for one in pbx.seen]
        assert counts == ["", "00000001", "00000002"]


async def test_leaving_ends_the_registration() -> None:
    async with registrar(users={"620": "geheim"}) as pbx:
        async with house(extension(pbx)) as home:
            await registered(home)
        assert pbx.seen[-1].headers.get("Expires") == "0"


async def test_a_call_from_the_registrar_is_ours_and_tells_the_dialled_number() -> None:
    async with registrar() as pbx, house(extension(pbx)) as home:
        await registered(home)
        host, port = home.phone.address()
        call = Call(pbx.port, user="03055512", target=f"sip:620@{host}:{port}")
        pbx.target = (host, port)
        pbx.send(call.invite())
        leg = await home.leg()
        assert (leg.line, leg.dialled) == ("fritz", "03055512")


async def test_several_accounts_are_registered_at_once_and_their_calls_told_apart() -> None:
    async with registrar(users={"620": "geheim", "621": "anders"}) as box, registrar() as provider:
        at_box = [
            Account(
                f"box-{user}", user, "fritz.invalid", password, registrar=f"127.0.0.1:{box.port}", channels=1
            )
            for user, password in (("620", "geheim"), ("621", "anders"))
        ]
        away = Account("provider", "49351", "sip.invalid", registrar=f"127.0.0.1:{provider.port}")
        async with house(settings(accounts=(*at_box, away))) as home:
            for account in (*at_box, away):
                await asyncio.wait_for(home.phone.until_registered(account.name), 20)
            box.target = home.phone.address()
            for number, user in enumerate(("620", "621", "620")):
                box.send(
                    Call(box.port, f"call-{number}", user="030555", target=f"sip:{user}@127.0.0.1").invite()
                )
            assert [(await home.leg()).line for _ in range(2)] == ["box-620", "box-621"]
            assert (await box.final()).status == 486  # the first account's only channel is taken


async def test_a_call_through_an_account_is_made_as_the_account_and_answers_challenges() -> None:
    async with registrar() as pbx, house(extension(pbx)) as home:
        await registered(home)
        leg = home.phone.call("03055599", OURS, line="fritz", caller="030111")
        home.take(leg)
        first = await pbx.request("INVITE")
        assert (first.uri, first.sender.uri.user) == ("sip:03055599@fritz.invalid", "620")
        assert first.headers.get("P-Preferred-Identity") == "<sip:030111@fritz.invalid>"
        challenge = 'Proxy-Authenticate: Digest realm="a", nonce="n", qop="auth"'
        pbx.send(answer_to(first, 407, "x", extra=challenge))
        second = await pbx.request("INVITE")
        while second.cseq.number == 1:
            second = await pbx.request("INVITE")
        assert 'username="620"' in second.headers.get("Proxy-Authorization")
        contact = f"Contact: <sip:pbx@127.0.0.1:{pbx.port}>"
        pbx.send(answer_to(second, 200, "y", SDP, contact))
        assert await leg.answered() == "answered"
        await pbx.request("ACK")
        leg.hang_up()
        bye = await pbx.request("BYE")
        pbx.send(answer_to(bye, 401, extra='WWW-Authenticate: Digest realm="b", nonce="m"'))
        again = await pbx.request("BYE")
        while "Authorization" not in again.headers:
            again = await pbx.request("BYE")
        assert again.cseq.number == bye.cseq.number + 1


async def test_the_next_registrar_of_a_name_is_tried_when_the_first_is_away() -> None:
    async with registrar() as pbx, name_server({}) as dns:
        dns.zone["_sip._udp.provider.test.", "SRV"] = ["1 1 9 home.test.", f"2 1 {pbx.port} home.test."]
        dns.zone["home.test.", "A"] = ["127.0.0.1"]
        account = Account("fritz", "620", "provider.test")
        names = settings(
            accounts=(account,), nameservers=("127.0.0.1",), nameserver_port=dns.port, t1_s=0.004
        )
        async with house(names) as home:
            await registered(home)
            assert pbx.seen[0].uri == "sip:provider.test"


async def test_the_way_is_kept_open_between_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sip.signalling.account._KEEP_ALIVE_S", {False: 0.02, True: 0.02})
    async with registrar() as pbx, house(extension(pbx)) as home:
        await registered(home)
        async with asyncio.timeout(20):
            while await pbx.inbox.get() != b"\r\n\r\n":
                pass


async def test_a_fault_while_registering_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sip.signalling.account._AFTER_FAULT_S", 0.01)
    faults = iter([RuntimeError("once")])
    right = Registration.fields

    def faulty(self: Registration, contact: str, *, leave: bool, stale: str) -> list[tuple[str, str]]:
        for fault in faults:
            raise fault
        return right(self, contact, leave=leave, stale=stale)

    monkeypatch.setattr(Registration, "fields", faulty)
    async with registrar() as pbx, house(extension(pbx)) as home:
        await registered(home)
        assert home.phone.counters["internal_error"] == 1


async def test_a_registrar_that_is_no_host_stops_the_phone() -> None:
    with pytest.raises(ValueError, match="host"):
        async with house(settings(accounts=(Account("a", "620", "no host!"),))):
            pass


def test_backoff_doubles_up_to_its_limit_and_is_spread_by_half() -> None:
    assert [backoff_s(n, 0.999999) for n in (1, 2, 3, 20)] == pytest.approx([4, 8, 16, 300], rel=1e-3)
    assert [backoff_s(n, 0.0) for n in (1, 2)] == [2, 4]
    assert backoff_s(1, 0.0, refused=True) == 30


@pytest.mark.parametrize(
    ("granted", "least", "most"), [(8, 4, 4), (60, 45, 51), (600, 450, 510), (3600, 3300, 3400)]
)
def test_a_refresh_comes_well_before_the_end(granted: int, least: float, most: float) -> None:
    assert least <= refresh_s(granted, 0.0) <= refresh_s(granted, 0.999) <= most


@pytest.mark.parametrize(
    ("fields", "granted"),
    [
        ([("Contact", "<sip:620@h:5060>;expires=77"), ("Expires", "600")], 77),
        ([("Contact", "<sip:other@x>;expires=5"), ("Contact", "<sip:620@h:5060>"), ("Expires", "600")], 600),
        ([("Expires", "120")], 120),
        ([("Contact", "<sip:620@nat:1>;expires=50")], 60),
        ([("Contact", "<sip:620@h:5060>;expires=0")], 0),
        ([("Contact", "<<>"), ("Expires", "30")], 30),
    ],
)
def test_the_granted_time_is_our_contacts(fields: list[tuple[str, str]], granted: int) -> None:
    assert granted_s(Headers(fields), "<sip:620@h:5060>") == granted


def answered(registration: Registration, status: int, *extra: tuple[str, str]) -> tuple[float, bool]:
    fields = registration.fields("<sip:620@h>")
    made = response(status, [("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"), *fields, *extra])
    following = registration.answered(made, "<sip:620@h>")
    return following.wait_s, following.other


def made() -> Registration:
    return Registration(Account("a", "620", "h", "pw"), lambda: 0.0)


def test_a_server_failure_changes_the_registrar_and_heeds_retry_after() -> None:
    assert answered(made(), 503) == (2.0, True)
    assert answered(made(), 500, ("Retry-After", "90")) == (90.0, True)


def test_a_refusal_waits_long_and_stays() -> None:
    assert answered(made(), 403) == (30.0, False)


def test_silence_changes_the_registrar_with_growing_waits() -> None:
    registration = made()
    assert [registration.lost().wait_s for _ in range(3)] == [2.0, 4.0, 8.0]


def test_a_stale_nonce_is_answered_again_but_a_fresh_refusal_is_not() -> None:
    registration = made()
    first = ("WWW-Authenticate", 'Digest realm="r", nonce="1", qop="auth"')
    stale = ("WWW-Authenticate", 'Digest realm="r", nonce="2", qop="auth", stale=TRUE')
    again = ("WWW-Authenticate", 'Digest realm="r", nonce="3", qop="auth"')
    assert answered(registration, 401, first) == (0.0, False)
    assert answered(registration, 401, stale) == (0.0, False)
    assert answered(registration, 401, again) == (30.0, False)
    assert registration.refused == 401
