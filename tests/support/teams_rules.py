"""What Teams refuses, as far as Microsoft documents it ("SIP protocol", "Media", "Plan Direct Routing").

Nothing here comes from the code that is judged.
"""

from __future__ import annotations

import re

from tests.support.simple_phone import Sip

SUITE = "AES_CM_128_HMAC_SHA1_80"
# What Microsoft's SIP interface takes since April 2022 ("What's new for Direct Routing"), all with RSA.
CIPHERS = (
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
)
Verdict = tuple[int, str]
FINE: Verdict = (200, "OK")


def judge(request: Sip, certified: frozenset[str]) -> Verdict:
    """Return 200, or the status and reason with which Teams turns a request away.

    Args:
        request: OPTIONS or INVITE from an SBC.
        certified: names in the certificate that the SBC showed.
    """
    verdict = _judge_names(request, certified)
    if verdict != FINE or request.method == "OPTIONS":
        return verdict
    return _judge_invite(request)


def judge_renewed(request: Sip, certified: frozenset[str]) -> Verdict:
    """As `judge`, for a request inside a call: re-INVITE or UPDATE."""
    verdict = _judge_names(request, certified)
    return _judge_sdp(request.body) if verdict == FINE and request.body else verdict


def judge_answer(response: Sip, certified: frozenset[str]) -> Verdict:
    """As `judge`, for the SBC's answer to a call from Teams."""
    contact = re.search(r"<sips?:(?:[^@>]*@)?([^:;>]+)", response.get("contact"))
    if contact is None or contact[1] not in certified:
        return 403, "Contact is no name of the certificate"
    if "REFER" in response.get("allow"):
        return 400, "REFER in Allow"
    return _judge_sdp(response.body)


def _judge_names(request: Sip, certified: frozenset[str]) -> Verdict:
    contact = re.search(r"<sips?:(?:[^@>]*@)?([^:;>]+)", request.get("contact"))
    if contact is None:
        return 403, "no Contact"
    if contact[1] not in certified:
        return 403, f"Contact {contact[1]} is no name of the certificate"
    if "sip:@" in request.get("contact"):
        return 403, "no user before the @ of Contact"
    via = request.get("via").split()[1].partition(":")[0]
    if via not in certified:
        return 403, f"Via {via} is no name of the certificate"
    routes = request.all("record-route")
    if routes and not any(name in routes[0] for name in certified):
        return 403, "Record-Route begins with an address"
    return FINE


def _judge_invite(invite: Sip) -> Verdict:
    if not re.match(r"sip:\+[1-9]\d+@", invite.start.split()[1]):
        return 404, "no + in the request"
    if not re.search(r"<sip:\+[1-9]\d+@", invite.get("from")):
        return 400, "no + in From"
    if "user=phone" not in invite.start:
        return 400, "no user=phone"
    if invite.get("replaces"):
        return 400, "Replaces"
    if "REFER" in invite.get("allow"):
        return 400, "REFER in Allow"
    return _judge_sdp(invite.body)


def _judge_sdp(sdp: str) -> Verdict:
    if "m=audio" not in sdp:
        return 488, "no SDP"
    if " RTP/SAVP " not in sdp:
        return 488, "no SRTP"
    if f" {SUITE} inline:" not in sdp:
        return 488, f"no {SUITE}"
    if "a=sendonly" in sdp:
        return 488, "sendonly: hold is inactive"
    return FINE
