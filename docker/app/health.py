#!/usr/bin/env python3
"""Exit 0 when the reception of this container works, as it says itself at /health.

A trunk that is down or a broken file is no fault of the container: a new start would not mend it.

The address is RUFWEICHE_HTTP, as for `rufweiche serve`; one that listens everywhere is asked on loopback.
"""

from __future__ import annotations

import http.client
import json
import os
import sys

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # compared, not bound
WORKING = ("ok", "degraded")
SECONDS = 4  # less than the health check's own limit, so that it is our word that counts


def healthy(address: str) -> bool:
    """Return what the house at HOST:PORT says of itself; False if it says nothing."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    asked = http.client.HTTPConnection(EVERYWHERE.get(host, host), int(port), timeout=SECONDS)
    try:
        asked.request("GET", "/health")
        return json.load(asked.getresponse()).get("status") in WORKING
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        asked.close()


if __name__ == "__main__":
    sys.exit(0 if healthy(os.environ.get("RUFWEICHE_HTTP") or "127.0.0.1:8080") else 1)
