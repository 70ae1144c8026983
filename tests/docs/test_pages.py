"""Pages are true: links lead somewhere, the architecture names what is there, handbooks use real words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _targets(page: Path) -> Iterator[tuple[Path, str]]:
    """Give the files and anchors that a page links to in this repository."""
    for found in _LINK.findall(_FENCE.sub("", _text(page))):
        link = "".join(found)
        if not re.match(r"[a-z]+:", link):
            name, _, anchor = link.partition("#")
            yield (page.parent / name).resolve() if name else page, anchor


def _anchors(page: Path) -> set[str]:
    """Give a page's headings as GitHub makes anchors of them."""
    titles = re.findall(r"^#+ +(.+)$", _FENCE.sub("", _text(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {target.name}#{anchor}"
        for page in (ROOT / "README.md", *PAGES)
        for target, anchor in _targets(page)
        if not target.exists() or (anchor and anchor not in _anchors(target))
    ]
    assert dead == []


def test_every_page_and_picture_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        if page.suffix == ".md":
            waiting.extend(target for target, _ in _targets(page) if target not in reached)
    there = {path for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert sorted(str(path.relative_to(ROOT)) for path in there - reached) == []


def _modules(package: str) -> set[str]:
    """Give a package's modules and folders as the architecture writes them."""
    folder = ROOT / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return files | {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


def test_the_architecture_names_every_module_and_no_other() -> None:
    tree = _text(ROOT / "docs/architecture.md").split("```\n")[1]
    parts = re.split(r"^(callflow|sip|webhooks)/.*$", tree, flags=re.MULTILINE)[1:]
    for package, lines in zip(parts[::2], parts[1::2], strict=True):
        left = (re.split(r" {2,}", line.strip())[0] for line in lines.splitlines() if line.strip())
        named = [word for part in left for word in re.split(r"[ ,|]+", part)]
        assert sorted(named) == sorted(_modules(package)), f"docs/architecture.md, {package}/"


def test_modules_that_the_privacy_page_names_exist() -> None:
    named = re.findall(r"`((?:callflow|sip|webhooks)(?:\.\w+)+)`", _text(ROOT / "docs/datenschutz.md"))
    assert named
    missing = [name for name in named if not _exists(name)]
    assert missing == []


def _exists(name: str) -> bool:
    """Say whether it is a module, or something that its module defines."""
    path = ROOT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
        return True
    module = path.parent.with_suffix(".py")
    defined = re.compile(rf"^\s*(?:def|class) {path.name}\b", re.MULTILINE)
    return module.is_file() and defined.search(_text(module)) is not None


def test_only_the_command_line_and_the_wiring_read_the_settings() -> None:
    readers = [
        path.relative_to(ROOT)
        for package in ("callflow", "sip", "webhooks")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"^from callflow(\.settings import| import .*\bsettings\b)", _text(path), re.MULTILINE)
    ]
    assert {str(path.parent) for path in readers} == {"callflow/bootstrap"}


def test_the_handbooks_call_pages_and_buttons_as_the_pages_do() -> None:
    catalogue = tomllib.loads(_text(ROOT / "callflow/web/texts/staff.de.toml"))
    words = {text for section in catalogue.values() for text in _texts(section)}
    for page in ("handbuch-mfa.md", "handbuch-admin.md"):
        bold = re.findall(r"\*\*([^*]+)\*\*", _text(ROOT / "docs/de" / page))
        said = {part for text in bold for part in text.split(" → ")}
        assert sorted(said - words - OUR_OWN) == [], page


# Words that the handbooks stress on their own account.
OUR_OWN = {
    *("Eintrag", "Suchen", "Notfälle", "?"),
    *("Datensicherung.", "Nach außen.", "Fehlerhafte Dateien.", "Ausfall."),
    *("Änderungen im Betrieb.", "Neu starten.", "Rufnummern ziehen um, ohne Neustart."),
}


def _texts(section: object) -> Iterator[str]:
    if isinstance(section, dict):
        for value in section.values():
            yield from _texts(value)
    else:
        yield str(section)
