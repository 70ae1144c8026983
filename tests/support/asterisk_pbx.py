"""A practice's classic PBX: another real Asterisk, configured by hand as a customer would."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

from jinja2 import Template

from callflow.plan import AsteriskLine
from tests.support.asterisk_box import Asterisk, Folder
from tests.support.asterisk_site import OURS, PBX, PHONES, TEMPLATES, site
from tests.support.ports import sound_ports
from tests.support.simple_phone import Phone

_PJSIP = """
[udp]
type=transport
protocol=udp
bind={pbx}:{port}
[switch]
type=endpoint
transport=udp
context=from-switch
disallow=all
allow=alaw
direct_media=no
aors=switch
bind_rtp_to_media_address=yes
media_address={pbx}
[switch]
type=aor
contact=sip:{ours}:{switch}
[switch]
type=identify
endpoint=switch
match={ours}
"""
_PHONE = """
[{name}]
type=endpoint
transport=udp
context=from-phones
disallow=all
allow=alaw
direct_media=no
aors={name}
auth={name}
bind_rtp_to_media_address=yes
media_address={pbx}
[{name}]
type=auth
auth_type=digest
username={name}
password=phone-{name}
[{name}]
type=aor
max_contacts=3
remove_existing=yes
{contact}
"""
_DIALPLAN = """
[from-switch]
exten => _1XX,1,Dial(PJSIP/${EXTEN},60)
 same => n,Hangup(${HANGUPCAUSE})
[from-phones]
exten => _1XX,1,Dial(PJSIP/${EXTEN},60)
exten => _[+0]X.,1,Dial(PJSIP/${EXTEN}@switch,60)
exten => praxis,1,Dial(PJSIP/praxis@switch,60)
"""


def pbx(port: int, switch: int, phones: dict[str, int]) -> Asterisk:
    """Start the PBX.

    Args:
        port: its SIP port.
        switch: SIP port of our Asterisk.
        phones: extension -> UDP port of its telephone on `PHONES`; 0: it registers.
    """

    def files(folder: Folder) -> dict[str, str]:
        first, last = sound_ports(400)
        pjsip = _PJSIP.format(pbx=PBX, ours=OURS, port=port, switch=switch)
        for name, at in phones.items():
            contact = f"contact=sip:{name}@{PHONES}:{at}" if at else ""
            pjsip += _PHONE.format(name=name, pbx=PBX, contact=contact)
        line = AsteriskLine(kind="asterisk", rtp_ports=(first, last))
        ready = {
            name: Template((TEMPLATES / f"{name}.j2").read_text()).render(
                banner="", site=site(folder), line=line
            )
            for name in (
                "asterisk.conf",
                "logger.conf",
                "modules.conf",
                "indications.conf",
                "rtp.conf",
                "cdr.conf",
            )
        }
        ready["manager.conf"] = "[general]\nenabled=no\n"
        return ready | {"pjsip.conf": pjsip, "extensions.conf": _DIALPLAN}

    return Asterisk("pbx", files)


async def reached(switch: Asterisk, *trunks: str) -> None:
    """Wait until our Asterisk holds these trunks for available and no older question of its can end in vain.

    It asks once a second, and tells nobody which of its questions still wait for an answer.
    """
    await asyncio.sleep(max(0.0, Phone.believed - time.monotonic()))
    async with asyncio.timeout(30):
        for trunk in trunks:
            there = re.compile(rf"{trunk}/\S+ +\S+ +Avail")
            while not there.search(await asyncio.to_thread(switch.cli, "pjsip show contacts")):  # noqa: ASYNC110  # another process knows
                await asyncio.sleep(0.1)


def recordings(asterisk: Asterisk) -> Path:
    """Return the folder that an instance records to."""
    return asterisk.folder.outside / "recordings"


@contextlib.asynccontextmanager
async def telephone(host: str, name: str, port: int) -> AsyncIterator[Phone]:
    """Have a telephone that stays until every call of every Asterisk is over.

    An INVITE to one that has gone is said again for half a minute, and would ring in a later test.
    """
    phone = await Phone.open(host, name, port)
    try:
        yield phone
    finally:
        phone.leave()
        await calm()
        phone.close()


async def calm() -> None:
    """End all calls, while the telephones still answer; nothing is left that a later test could hear of."""
    async with asyncio.timeout(30):
        while any([await asyncio.to_thread(each.end_calls) for each in Asterisk.living]):  # noqa: ASYNC110  # other processes know
            await asyncio.sleep(0.05)
        for each in Asterisk.living:
            await asyncio.to_thread(each.forget_calls)
