"""Stock pyVoIP as it comes: answers, plays two prompts in turn, one per key.

`python -m tests.bench._pyvoip_phone HOST REGISTRAR_PORT SIP_PORT RTP_LOW RTP_HIGH`
"""

from __future__ import annotations

import sys
import time
import warnings

from pyVoIP.VoIP.VoIP import CallState, InvalidStateError, VoIPCall, VoIPPhone

PROMPTS = (b"\x30" * 8000, b"\xd0" * 8000)  # unsigned 8-bit samples, one second


def talk(call: VoIPCall) -> None:
    """Answer a call and hold it."""
    try:
        call.answer()
        turn, written = 0, 0.0
        while call.state == CallState.ANSWERED:
            if call.get_dtmf():
                turn, written = turn + 1, 0.0
            if time.monotonic() - written > 0.9:
                call.write_audio(PROMPTS[turn % 2])
                written = time.monotonic()
            time.sleep(0.02)
    except InvalidStateError:
        return


def main(host: str, registrar: str, sip: str, low: str, high: str) -> None:
    """Register and take calls until killed."""
    warnings.simplefilter("ignore")
    phone = VoIPPhone(
        host,
        int(registrar),
        "praxis",
        "secret",
        myIP=host,
        sipPort=int(sip),
        rtpPortLow=int(low),
        rtpPortHigh=int(high),
        callCallback=talk,
    )
    phone.start()
    print("ready", flush=True)  # noqa: T201 - the bench waits for it
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
