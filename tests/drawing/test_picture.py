"""A flow's picture shows who is human, what is urgent, what is said and where each exit leads."""

import re
from xml.etree import ElementTree as ET

import pytest

from callflow.drawing.mermaid import mermaid
from callflow.drawing.picture import Box, Picture, Way, picture
from callflow.drawing.svg import svg
from callflow.effects import Prompt
from callflow.flow import Flow
from tests.support.flows import flow_of

PRACTICES = [("praxis", "praxis"), ("einzelpraxis", "sommer"), ("kinderpraxis", "kinder"), ("mvz", "innere")]


def wording(prompt: Prompt) -> str:
    return f'<{prompt.name or prompt.text}> & "mehr"'


def drawn(flow: Flow) -> Picture:
    return picture(flow, wording)


@pytest.fixture(scope="module")
def example() -> dict[str, Box]:
    return {box.name: box for box in drawn(flow_of("praxis", "praxis")).boxes}


def test_humans_urgency_and_ends_are_told_apart(example: dict[str, Box]) -> None:
    by_sort = {
        sort: sorted(name for name, box in example.items() if box.sort == sort)
        for sort in ("human", "urgent", "end")
    }
    assert by_sort == {
        "human": ["verbinden"],
        "urgent": ["dringend", "dringend_geschlossen", "dringend_sprechzeit"],
        "end": ["verabschiedung"],
    }


def test_a_menu_names_its_keys_with_their_concerns_first(example: dict[str, Box]) -> None:
    assert example["hauptmenue"].ways == (
        Way("1 rezept, 2 ueberweisung, 3 termin", "anliegen", drawn=True),
        Way("4", "weitere_anliegen", drawn=True),
        Way("keine Taste, falsche Taste", "rueckruf", drawn=False),
    )


def test_a_transfer_shows_that_a_conversation_ends_it(example: dict[str, Box]) -> None:
    assert example["verbinden"].ways[-1] == Way("Gespräch", "")


def test_keys_that_work_everywhere_stand_at_their_boxes(example: dict[str, Box]) -> None:
    assert {name: box.keys for name, box in example.items() if box.keys} == {"dringend": "9", "empfang": "0"}


@pytest.mark.parametrize(("practice", "name"), PRACTICES)
def test_every_node_and_every_exit_is_on_the_sheet(practice: str, name: str) -> None:
    flow = flow_of(practice, name)
    root = ET.fromstring(svg(drawn(flow), "Praxis & <Söhne>"))  # noqa: S314 - our own text
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sorted(set(flow.nodes) - set(words)) == []
    named = " ".join(words).replace("\u00a0", " ")
    targets = {target for links in flow.links.values() for target in links.values()}
    assert sorted(target for target in targets if f"→ {target}" not in named) == []


@pytest.mark.parametrize(("practice", "name"), PRACTICES)
def test_no_line_of_text_is_wider_than_its_box(practice: str, name: str) -> None:
    root = ET.fromstring(svg(drawn(flow_of(practice, name))))  # noqa: S314 - our own text
    group = root.find("{http://www.w3.org/2000/svg}g")
    assert group is not None
    lines = [element.text or "" for element in group if element.get("class") in ("s", "w", "w b")]
    assert [line for line in lines if len(line) > 40] == []


@pytest.mark.parametrize(("practice", "name"), PRACTICES)
def test_mermaid_names_every_node_once_and_every_link(practice: str, name: str) -> None:
    flow = flow_of(practice, name)
    text = mermaid(drawn(flow))
    assert len(re.findall(r"^  n\d+\[", text, re.MULTILINE)) == len(flow.nodes)
    links = {
        (node, target)
        for node, exits in flow.links.items()
        for target in exits.values()
        if target in flow.nodes
    }
    assert len(re.findall(r"-->", text)) == len(links)
    assert '& "mehr"' not in text


def test_the_same_flow_gives_the_same_sheet() -> None:
    flow = flow_of("praxis", "praxis")
    assert svg(drawn(flow)) == svg(drawn(flow))
    assert mermaid(drawn(flow)) == mermaid(drawn(flow))
