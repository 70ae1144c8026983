"""Versions of flows: what was published stays, a call goes on with the version it began with.

Under `<folder>/<flow>/` lie `versions/<hash>.json` (all source files of one version, author, time),
`current` (the hash in force), `seen` (digests of the files last looked at, good or bad) and `history.jsonl`.
Files are replaced atomically: a crash leaves the old version in force or the new one, nothing between.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from callflow.flow import Flow
from callflow.language.build import Built, build
from callflow.language.load import compiled, judged
from callflow.language.problems import FlowErrors, Problem
from callflow.language.report import flow_files
from callflow.language.source import contents
from callflow.language.surroundings import Surroundings

Action = Literal["published", "rolled_back", "refused"]
CURRENT, SEEN, HISTORY, VERSIONS = "current", "seen", "history.jsonl", "versions"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a flow's history.

    Args:
        at: when, ISO 8601 in UTC.
        author: who.
        action: what was done.
        version: the version in force afterwards, "" if there is none yet.
        reason: why it was refused, a line for each problem in German and English, "" otherwise.
    """

    at: str
    author: str
    action: Action
    version: str
    reason: str = ""


@dataclass(slots=True)
class Versions:
    """All versions of all flows of a house.

    Args:
        folder: where they are kept.
        around: tells what flows may refer to; asked anew for every publication.
    """

    folder: Path
    around: Callable[[], Surroundings]
    _flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    _writing: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever changes files: a page may roll back while a changed file is taken in."""

    def publish(self, path: Path, author: str, at: datetime) -> Flow:
        """Check the flow at `path` and put it in force; the same content again changes nothing.

        Raises:
            FlowErrors: it has an error; the version in force stays, the refusal is written down.
        """
        with self._writing:
            return self._publish(path, author, at)

    def _publish(self, path: Path, author: str, at: datetime) -> Flow:
        name = path.stem
        seen = {"": _digest(path, "")}  # before it is read: what changes meanwhile counts as a change
        try:
            built = build(path, self.around())
            seen = {file: _hash(raw) for file, raw in built.files.items()}
            flow = self._accepted(built, path)
        except FlowErrors as error:
            self._refuse(name, error.problems, author, at)
            self._write(name, SEEN, json.dumps(seen))
            raise
        self._keep(name, built, flow, author, at)
        if self.version(name) != flow.version:
            self._set(name, flow.version, "published", author, at)
        self._write(name, SEEN, json.dumps(seen))  # last: dying before it, the next look takes the file again
        return flow

    def _accepted(self, built: Built, path: Path) -> Flow:
        flow, problems = judged(built, self.around())
        if flow is None:
            raise FlowErrors(problems)
        if flow.name != path.stem:
            raise FlowErrors([built.source.problem("flow-name", ("flow",), name=flow.name, file=path.name)])
        return flow

    def changed(self, path: Path) -> bool:
        """Tell whether a flow or a file it uses differs from when it was last looked at."""
        seen = json.loads(self._read(path.stem, SEEN) or "{}")
        return not seen or any(_digest(path, file) != digest for file, digest in seen.items())

    def refresh(self, source: Path, author: str, at: datetime) -> Iterator[tuple[str, Flow | FlowErrors]]:
        """Publish every flow of the folder `source` whose files changed since they were last looked at.

        A file that was refused, or rolled back from, is not tried again before it changes.

        Yields:
            The flow's name with the flow now in force, or with the reasons why it was refused.
        """
        for path in flow_files(source):
            if not self.changed(path):
                continue
            try:
                yield path.stem, self.publish(path, author, at)
            except FlowErrors as error:
                yield path.stem, error

    def rollback(self, name: str, version: str, author: str, at: datetime) -> Flow:
        """Put an earlier version in force again.

        Raises:
            KeyError: there is no such version.
            FlowErrors: it does not fit the practice any more (a destination is gone, say).
        """
        built = self._stored(name, version)
        flow, problems = judged(built, self.around())
        if flow is None:
            raise FlowErrors(problems)
        with self._writing:
            self._set(name, version, "rolled_back", author, at)
        return flow

    def version(self, name: str) -> str:
        """Return the version in force, "" if there is none."""
        return self._read(name, CURRENT)

    def current(self, name: str) -> Flow:
        """Return the flow in force.

        Raises:
            KeyError: none was published.
        """
        return self.flow(name, self.version(name))

    def flow(self, name: str, version: str) -> Flow:
        """Return a version as calls that began with it need it, whether or not it would be accepted today.

        Raises:
            KeyError: there is no such version.
        """
        if (name, version) not in self._flows:
            self._flows[name, version] = compiled(self._stored(name, version))
        return self._flows[name, version]

    def names(self) -> tuple[str, ...]:
        """List the flows that have a version in force."""
        return tuple(sorted(path.parent.name for path in self.folder.glob(f"*/{CURRENT}")))

    def history(self, name: str) -> tuple[Entry, ...]:
        """List what happened to a flow, oldest first."""
        lines = self._read(name, HISTORY).splitlines()
        return tuple(Entry(**json.loads(line)) for line in lines)

    def _keep(self, name: str, built: Built, flow: Flow, author: str, at: datetime) -> None:
        files = {file: raw.decode("utf-8-sig") for file, raw in built.files.items()}
        kept = {"author": author, "at": at.isoformat(), "files": files}
        self._write(name, f"{VERSIONS}/{flow.version}.json", json.dumps(kept, ensure_ascii=False))
        self._flows[name, flow.version] = flow

    def _stored(self, name: str, version: str) -> Built:
        text = self._read(name, f"{VERSIONS}/{version}.json") if version.isalnum() else ""
        if not text:
            raise KeyError(f"{name}@{version}")
        files = {file: raw.encode() for file, raw in json.loads(text)["files"].items()}
        own = files.pop("")
        return build(Path(f"{name}.yaml"), self.around().with_files(files), own)

    def _set(self, name: str, version: str, action: Action, author: str, at: datetime) -> None:
        self._write(name, CURRENT, version)
        self._note(name, Entry(at.isoformat(), author, action, version))

    def _refuse(self, name: str, problems: tuple[Problem, ...], author: str, at: datetime) -> None:
        reason = "\n".join(_reason(problem) for problem in problems if problem.severity == "error")
        self._note(name, Entry(at.isoformat(), author, "refused", self.version(name), reason))

    def _note(self, name: str, entry: Entry) -> None:
        line = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
        self._write(name, HISTORY, self._read(name, HISTORY) + line)

    def _read(self, name: str, file: str) -> str:
        try:
            return (self.folder / name / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _write(self, name: str, file: str, text: str) -> None:
        path = self.folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)


def _reason(problem: Problem) -> str:
    """Say what is wrong in both languages: nobody knows yet who will read it."""
    file = Path(problem.file).name
    place = f"{file}:{problem.line}:{problem.column}"
    return f"{place}: {problem.message('de')} / {problem.message('en')}"


def _digest(path: Path, file: str) -> str:
    """Hash the flow at `path` (`file` "") or a file beside it that it uses; "" if there is none."""
    try:
        return _hash(contents(path.with_name(f"{file}.yaml") if file else path))
    except FlowErrors:
        return ""


def _hash(raw: bytes) -> str:
    """Hash contents; empty ones look like a file that is not there."""
    return hashlib.sha256(raw).hexdigest() if raw else ""
