"""A page that was refused is shown by its own address: going back never asks to send a form again."""

from __future__ import annotations

import re

import httpx

from callflow.web.forms import refusal
from callflow.web.forms.answers import Fault
from tests.support.practice import Practice

WRONG_DATE = {"geburt.day": "31", "geburt.month": "2", "geburt.year": "1951"}
PERSON = {"fuer": "selbst", "name": "Jürgen O'Brien", "kasse": "gesetzlich"}


async def _at_person(web: httpx.AsyncClient, practice: Practice) -> str:
    page = await web.get(f"/f/{practice.link()}", follow_redirects=True)
    return str(re.findall(r'name="handle" value="([^"]+)"', page.text)[0])


async def test_what_was_wrong_and_typed_stands_on_the_page_until_it_is_right(
    web: httpx.AsyncClient, practice: Practice
) -> None:
    handle = await _at_person(web, practice)
    pages = [(await web.get(f"/form/page/{number}")).text for number in range(1, 6)]
    number = 1 + next(index for index, page in enumerate(pages) if 'name="geburt.day"' in page)
    address = f"/form/page/{number}"
    answer = await web.post(address, data={"handle": handle} | PERSON | WRONG_DATE)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    refused = (await web.get(address)).text
    assert 'id="geburt-fault"' in refused
    assert [
        f'name="geburt.{part}" value="{typed}"' in refused for part, typed in (("day", "31"), ("month", "2"))
    ]
    assert 'value="Jürgen O&#39;Brien"' in refused
    assert "-fault" not in (await web.get("/form/page/1")).text
    right = {"handle": handle} | PERSON | WRONG_DATE | {"geburt.day": "28"}
    assert (await web.post(address, data=right)).headers["location"] == f"/form/page/{number + 1}"
    assert "-fault" not in (await web.get(address)).text


def test_a_refusal_is_read_back_as_it_was_and_by_its_own_page_alone() -> None:
    faults = {"geburt": Fault("fault.date"), "name": Fault("fault.long", (("most", 80),))}
    kept = {refusal.WRONG: refusal.packed("person", {"geburt.day": ["31x99"], "name": ["x" * 900]}, faults)}
    assert refusal.of(kept, "person") == refusal.Refusal(faults, {"geburt.day": ["31x9"]})
    assert refusal.of(kept, "kontakt") == refusal.of({}, "person") == refusal.Refusal()
