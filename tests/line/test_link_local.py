"""Link-local IPv6 addresses mean something only together with an interface, which no message ever names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_calls_between_link_local_addresses_are_heard_both_ways_and_no_message_names_the_interface() -> None:
    """Registering, calls by UDP and TCP, prompts, keys, RTCP and a bridge, in a network of their own."""
    program = [sys.executable, "-m", "tests.line.link_local"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    if "no network of our own" in done.stderr:
        # Containers may forbid it, and no other address of a machine can be counted on to be link-local.
        pytest.skip(f"LINK-LOCAL CALLS WERE NOT TRIED HERE: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "own address": "fe80::1%lo",
        "a_prompt_is_heard_and_a_key_counts": {"heard": ["menu"], "key": True, "reported by RTCP": True},
        "a_caller_and_a_desk_are_joined": {"the desk heard": ["menu"], "the caller heard": ["bye"]},
        "an_account_registers": {"contacts": ["<sip:620@[fe80::2]:PORT>"]},
        "a_call_over_tcp": {"outcome": "answered", "sound goes to": [["fe80::1%lo", 42002]]},
        "wire": {"messages": True, "name an interface": 0},
        "faults": [],
    }
