"""Who is measured: our line process, stock pyVoIP, Asterisk, and a C program as the floor."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template

from callflow.plan import AsteriskLine
from callflow.prompts.cache import Cache, ClipFacts
from sip.line_config import Destination, Did, LineConfig
from sip.signalling.phone_settings import Listen, PhoneSettings
from tests.bench import _line_app
from tests.bench._watched import Usage, Watched, usage
from tests.support.ports import free_port

HOST = "127.0.0.1"
USER = "praxis"
NATIVE = Path(__file__).with_name("native")
SUBJECT_CORE, PHONES_CORE = 0, 1
RTP = (20_000, 32_767)
PROMPTS = (0x11, 0x22)  # one A-law byte all over: which prompt a packet belongs to is easy to see


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who takes calls.

    Args:
        name: as shown.
        port: UDP port it takes calls on.
        usage: tells what it uses now.
    """

    name: str
    port: int
    usage: Callable[[], Usage]


def compiled(name: str) -> Path:
    """Return a program of native/, compiled on the spot with cc."""
    program = Path(tempfile.gettempdir()) / f"rufweiche-bench-{os.getuid()}-{name}"
    if not program.exists() or program.stat().st_mtime < source(name).stat().st_mtime:
        subprocess.run(["cc", "-O2", "-o", str(program), str(source(name))], check=True)
    return program


def source(name: str) -> Path:
    """Return the source of a program of native/."""
    return NATIVE / f"{name}.c"


def until(ready: Callable[[], object], watched: Watched, limit_s: float = 30) -> None:
    """Wait until a process is ready.

    Raises:
        RuntimeError: it ended or took too long.
    """
    end = time.monotonic() + limit_s
    while not ready():
        if watched.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{watched.process.args} is not ready:\n{watched.said()[-3000:]}")
        time.sleep(0.05)


@contextmanager
def floor() -> Iterator[Subject]:
    """The C program."""
    port = free_port()
    watched = Watched([str(compiled("floor")), HOST, str(port)], SUBJECT_CORE)
    try:
        until(lambda: "ready" in watched.said(), watched)
        yield Subject("C loop", port, watched.usage)
    finally:
        watched.stop()


@contextmanager
def ours() -> Iterator[Subject]:
    """The line process, with an app in a process of its own that answers at once."""
    folder = Path(tempfile.mkdtemp(prefix="rufweiche-bench-"))
    config = line_config(folder)
    config.save(folder / "line.json")
    python = sys.executable
    app = Watched([python, "-m", "tests.bench._line_app", str(config.app_socket)], None)
    line = None
    try:
        until(config.app_socket.exists, app)
        line = Watched([python, "-m", "sip.process", "--config", str(folder / "line.json")], SUBJECT_CORE)
        ready = folder / "run" / "ready.json"
        until(ready.exists, line)
        port = int(json.loads(ready.read_text(encoding="utf-8"))["sip"][0][2])
        yield Subject("rufweiche", port, line.usage)
    finally:
        for watched in (line, app):
            if watched:
                watched.stop()
        shutil.rmtree(folder, ignore_errors=True)


def line_config(folder: Path) -> LineConfig:
    """Return a line without limits whose two prompts are one byte each."""
    (folder / "run").mkdir(parents=True)
    cache = Cache(folder / "prompts")
    for clip, value in zip(_line_app.CLIPS, PROMPTS, strict=True):
        cache.put(clip.key, bytes([value]) * (8 * clip.ms), ClipFacts(clip.ms, -20.0, -20.0, "synthesis"))
    key = _line_app.CLIPS[0].key
    return LineConfig(
        name="bench",
        phone=PhoneSettings(listen=(Listen("udp", HOST, 0),), channels=20_000, requests_per_s=0),
        rtp_host=HOST,
        rtp_ports=RTP,
        app_socket=folder / "run" / "app.sock",
        answer_s=5,
        prompts=folder / "prompts",
        spool=folder / "spool",
        recordings=folder / "recordings",
        key_file=folder / "key",
        ready=folder / "run" / "ready.json",
        grace_s=1,
        dids=(Did(number="+49351123456", aliases=(USER,), fallback=key, sorry=key, destination="x"),),
        destinations={"x": Destination(uri=f"sip:x@{HOST}:9")},
    )


@contextmanager
def pyvoip() -> Iterator[Subject]:
    """Stock pyVoIP 1.6.8 with its own media, behind the registrar that it must have."""
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as registrar:
        registrar.bind((HOST, 0))
        threading.Thread(target=_register, args=(registrar, (HOST, port)), daemon=True).start()
        at = registrar.getsockname()[1]
        arguments = [HOST, str(at), str(port), *map(str, RTP)]
        watched = Watched([sys.executable, "-m", "tests.bench._pyvoip_phone", *arguments], SUBJECT_CORE)
        try:
            until(lambda: "ready" in watched.said(), watched)
            yield Subject("pyVoIP 1.6.8", at, watched.usage)
        finally:
            watched.stop()
            registrar.sendto(b"", registrar.getsockname())


def _register(registrar: socket.socket, extension: tuple[str, int]) -> None:
    """Say yes to every REGISTER; pass all else on, for pyVoIP sends every answer to its registrar."""
    phones = extension
    while True:
        data, source = registrar.recvfrom(65_536)
        if not data:
            return
        if source != extension:
            phones = source
            registrar.sendto(data, extension)
        elif data.startswith(b"REGISTER"):
            registrar.sendto(_accepted(data.decode(errors="replace")), extension)
        else:
            registrar.sendto(data, phones)


def _accepted(request: str) -> bytes:
    names = ("Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:")
    kept = [line for line in request.split("\r\n") if line.startswith(names)]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()


ASTERISK_ROOT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rufweiche" / "asterisk-root"
_PJSIP = """
[udp]
type=transport
protocol=udp
bind={host}:{port}
[phones]
type=endpoint
transport=udp
context=bench
disallow=all
allow=alaw
direct_media=no
[phones]
type=identify
endpoint=phones
match={host}
"""
_DIALPLAN = """
[bench]
exten => praxis,1,Answer()
 same => n,Goto(menu-a,s,1)
[menu-a]
exten => s,1,Background({sounds}/a)
 same => n,Goto(s,1)
exten => 1,1,Goto(menu-b,s,1)
[menu-b]
exten => s,1,Background({sounds}/b)
 same => n,Goto(s,1)
exten => 1,1,Goto(menu-a,s,1)
"""


def asterisk_there() -> bool:
    """Whether this machine has the Asterisk that tests/support/asterisk_root.sh builds."""
    return (ASTERISK_ROOT / ".rufweiche-ready").exists() and os.geteuid() == 0


@contextmanager
def asterisk() -> Iterator[Subject]:
    """A real Asterisk that plays the same prompts from its dialplan."""
    from tests.support.asterisk_box import Asterisk, Folder  # noqa: PLC0415 - where it is available
    from tests.support.asterisk_site import TEMPLATES, site  # noqa: PLC0415 - as above

    port = free_port()

    def files(folder: Folder) -> dict[str, str]:
        for name, value in zip("ab", PROMPTS, strict=True):
            (folder.outside / "sounds" / f"{name}.alaw").write_bytes(bytes([value]) * 240_000)
        line = AsteriskLine(kind="asterisk", rtp_ports=RTP)
        names = ("asterisk.conf", "logger.conf", "modules.conf", "indications.conf", "rtp.conf", "cdr.conf")
        made = {
            name: Template((TEMPLATES / f"{name}.j2").read_text()).render(
                banner="", site=site(folder), line=line
            )
            for name in names
        }
        made["manager.conf"] = "[general]\nenabled=no\n"
        made["pjsip.conf"] = _PJSIP.format(host=HOST, port=port)
        made["extensions.conf"] = _DIALPLAN.format(sounds=folder.inside / "sounds")
        return made

    running = Asterisk("bench", files)
    pid = running.daemon.process.pid
    cores = sorted(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {cores[SUBJECT_CORE % len(cores)]})
    try:
        yield Subject("Asterisk", port, lambda: usage(pid))
    finally:
        running.stop()
