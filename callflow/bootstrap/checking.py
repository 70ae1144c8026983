"""`rufweiche check`, `hours` and `flows`: files handed to the checker, the calendar and the versions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from callflow.bootstrap import certificates, places
from callflow.bootstrap.flows import known_flow, surroundings, versions
from callflow.bootstrap.line import embedded_lines, password_line, trunks_of
from callflow.golden import ZONE
from callflow.hours import Calendar, table
from callflow.language import FlowErrors, Problem, load_calendars
from callflow.language.plan_problems import plan_problems
from callflow.language.problems import ordered
from callflow.language.report import Format, check_files, exit_status, report
from callflow.language.source import read
from callflow.outbox import preview
from callflow.plan import AsteriskLine, SipTrunk
from callflow.plan_check import check as faults_of
from callflow.settings import Settings
from callflow.web.forms.source import load_forms

__all__ = ["TWO_WEEKS", "ZONE", "check", "history", "hours", "rollback", "sms_costs", "sound"]

FORMS = "forms"
OTHERS = 0o006  # reading and writing, for who is neither the owner nor of the file's group
TWO_WEEKS = timedelta(days=13)


def check(path: Path | None, options: places.Options, form: Format, language: str) -> tuple[str, int]:
    """Check a flow, a folder of flows, an hours.yaml, the forms or a whole configuration.

    Args:
        path: what to check, None for the configuration; its surroundings are the nearest folder above it that
            holds a practice.yaml.
        options: where the configuration lies otherwise.
        form: how to report.
        language: language of the report.

    Returns:
        The report and the exit status: 1 if there is an error.
    """
    home = _home(path)
    options = replace(options, config=home or options.config)
    try:
        problems = _found(path if path != home else None, places.settings(options))
    except FlowErrors as error:
        problems = error.problems
    return report(problems, form, language), exit_status(problems)


def _home(path: Path | None) -> Path | None:
    above = (path, *path.parents) if path else ()
    return next((place for place in above if (place / "practice.yaml").is_file()), None)


def _found(path: Path | None, house: Settings) -> tuple[Problem, ...]:
    hours = house.config / "hours.yaml"
    if path is not None and path.name == hours.name:
        return _hours(path)
    if path is not None and FORMS in (path.name, path.resolve().parent.name):
        return _forms(house.config / FORMS)
    flows = path or house.config / "flows"
    around = replace(surroundings(house, {}), calendars=_names(hours))
    found = check_files(flows, around)
    if path is not None:
        return found
    others = (*_hours(hours), *_forms(house.config / FORMS), *_accounts(house), *_plan(house))
    return ordered((*found, *others))


def _plan(house: Settings) -> Iterator[Problem]:
    """Tell what the number plan could do better, and what is wrong with the certificates that it names.

    A destination that no number rings is no news here: flows name those.
    """
    found = (fault for fault in faults_of(house.plan) if fault.code != "not_rung")
    yield from plan_problems(read(house.config / "lines.yaml"), found)
    yield from certificates.problems(house)


def _accounts(house: Settings) -> Iterator[Problem]:
    """Warn of accounts without their secrets: the configuration may be checked where no secrets are."""
    if "twilio" in house.practice.sms.transports and not house.secrets.twilio_account_sid:
        source = read(house.config / "practice.yaml")
        yield replace(source.problem("sms-account", ("sms", "transports")), severity="warning")
    env = house.config / ".env"
    if env.is_file() and env.stat().st_mode & OTHERS:
        yield Problem(str(env), 1, 1, "secrets-open", severity="warning")
    lacking = tuple(_without_secret(house))
    if lacking:
        source = read(house.config / "lines.yaml")
        for way, example in lacking:
            found = source.problem_at_key("secret-missing", way, name=way[1], example=example)
            yield replace(found, severity="warning")


def _without_secret(house: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find the lines and trunks in use that cannot log in, with what belongs into .env for each."""
    plan, given = house.plan, house.secrets
    managed = [name for name, line in plan.lines.items() if isinstance(line, AsteriskLine)]
    if not given.ami_secret:
        yield from ((("lines", name), "RUFWEICHE_AMI_SECRET=...") for name in managed)
    own = embedded_lines(plan).values()
    used = plan.trunks if managed else {name for line in own for name in trunks_of(line)}
    for name, trunk in plan.trunks.items():
        if (
            name in used
            and isinstance(trunk, SipTrunk)
            and trunk.account
            and not given.sip_passwords.get(name)
        ):
            yield ("trunks", name, "account"), password_line(name)


def _forms(folder: Path) -> tuple[Problem, ...]:
    try:
        if folder.is_dir():  # an example practice has none of its own
            load_forms(folder)
    except FlowErrors as error:
        return error.problems
    return ()


def _hours(path: Path) -> tuple[Problem, ...]:
    try:
        load_calendars(path)
    except FlowErrors as error:
        return error.problems
    return ()


def _names(hours: Path) -> Collection[str]:
    """List the calendars of a file, even one with mistakes: a flow is not to blame for those."""
    try:
        data = read(hours).data
    except FlowErrors:
        return ()
    named = data.get("calendars") if isinstance(data, dict) else None
    return tuple(named) if isinstance(named, dict) else ()


def sound(language: str) -> str:
    """Say that nothing keeps the house from starting."""
    return {"de": "Keine Fehler. So sieht die SMS aus:\n", "en": "No errors. The text message reads:\n"}[
        language
    ]


def sms_costs(options: places.Options, language: str) -> str:
    """Show what the text messages look like, how many segments they take and what they cost."""
    house = places.settings(options)
    sms, languages = house.practice.sms, house.practice.languages
    name = house.practice.practice.sms_name
    rows = preview.previews(name, house.link_url, languages, sms.cents_per_segment)
    return preview.table(rows, language) + "\n"


def hours(house: Settings, first: date, last: date, language: str) -> str:
    """Print the calendars from `first` to `last`, as callers would meet them.

    Raises:
        FlowErrors: hours.yaml has a fault.
    """
    found: Mapping[str, Calendar] = load_calendars(house.config / "hours.yaml")
    return "\n".join(f"{name}\n{table(calendar, first, last, language)}" for name, calendar in found.items())


def history(house: Settings, name: str) -> str:
    """Print what happened to a flow, the version in force marked.

    Raises:
        FlowErrors: there is no such flow.
    """
    kept = versions(house)
    current = kept.version(name)
    if not kept.history(name):
        known_flow(house, name)
    lines = []
    for entry in kept.history(name):
        mark = "*" if entry.version == current and entry.action != "refused" else " "
        reason = f"\n    {entry.reason.splitlines()[0]}" if entry.reason else ""
        version = entry.version or "-"
        lines.append(f"{mark} {entry.at[:19]}  {version:16}  {entry.action:11}  {entry.author}{reason}")
    return "".join(f"{line}\n" for line in lines)


def rollback(house: Settings, name: str, version: str, author: str) -> str:
    """Put an earlier version in force; calls that begin from now on take it.

    Raises:
        FlowErrors: there is no such version, or it does not fit the practice any more.
    """
    try:
        flow = versions(house).rollback(name, version, author, datetime.now(UTC))
    except KeyError:
        raise FlowErrors([Problem(name, 1, 1, "version-unknown", (("version", version[:40]),))]) from None
    return f"{name}: {flow.version}\n"
