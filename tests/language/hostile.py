"""Files that nobody should write, with the one problem each must be answered with.

`python -m tests.language.hostile` reads them all and prints the slowest and the memory it took; run under a
limit it proves that none of them can take a reception down.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from callflow.language.load import look
from callflow.language.source import MOST_BYTES
from tests.support.flows import surroundings

_BOMB = b"a: &a [x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c]\n" % (98 + i, 98 + i, 97 + i, 97 + i, 97 + i) for i in range(24)
)


def _node(fields: str) -> bytes:
    return f"flow: x\nstart: a\nnodes:\n  a:\n    {fields}\n".encode()


CORPUS: dict[str, tuple[bytes, str]] = {
    "alias bomb": (_BOMB, "yaml-alias"),
    "alias to itself": (b"&a [*a]", "yaml-alias"),
    "merge key": (b"a: &a {b: 1}\nc: {<<: *a}", "yaml-alias"),
    "lists in lists": (b"[" * 100_000, "file-deep"),
    "mappings in mappings": (b"{a: " * 50_000, "file-deep"),
    "lists by dashes": (b"- " * 100_000, "file-deep"),
    "indented without end": (b"".join(b" " * i + b"a:\n" for i in range(700)), "file-deep"),
    "keys that are lists": (b"? [a]\n: b", "key-odd"),
    "keys of keys": (b"? " * 5000 + b"a", "key-odd"),
    "ten megabytes": (b"a: b\n" * 2_000_000, "file-large"),
    "ten megabytes in one line": (b"a" * 10_000_000, "file-large"),
    "as many values as fit": (b"[" + b"1," * (MOST_BYTES // 2 - 1) + b"]", "file-values"),
    "as many keys as fit": (b"".join(b"k%x: 1\n" % i for i in range(26_000)), "file-values"),
    "as much text as fits": (b"flow: " + b"x" * (MOST_BYTES - 10), "text-long"),
    "a folded text as long as fits": (b"flow: >\n" + b"  x\n" * (MOST_BYTES // 4 - 10), "text-long"),
    "many comments": (b"# x\n" * (MOST_BYTES // 4), "file-shape"),
    "many documents": (b"--- a\n" * 40_000, "yaml-documents"),
    "binary": (bytes(range(256)) * 100, "file-encoding"),
    "zeros": (b"\0" * 1000, "yaml-character"),
    "an image": (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "file-encoding"),
    "utf-16": ("flow: x\nstart: a\n".encode("utf-16"), "file-encoding"),
    "latin-1": ("flow: größe\n".encode("latin-1"), "file-encoding"),
    "a lone surrogate": (b"flow: \xed\xa0\x80", "file-encoding"),
    "an escape out of the terminal": (b"flow: \x1b[2J", "yaml-character"),
    "tabs": (b"flow: x\nnodes:\n\ta:\n\t\tsay: {}\n", "yaml-tab"),
    "a tab after spaces": (b"flow: x\nnodes:\n  \ta: {}\n", "yaml-tab"),
    "duplicate keys": (b"flow: x\nflow: y\n", "key-twice"),
    "a number's zero": (_node("transfer: {destination: 0171, otherwise: a}"), "unquoted"),
    "a time": (_node("menu: {text: x, seconds: 10:30, choices: {}}"), "unquoted"),
    "a key that is a number": (_node("menu: {text: x, choices: {1: a}}"), "key-unquoted"),
    "octal": (_node("say: {text: 0o17, then: a}"), "unquoted"),
    "hexadecimal": (_node("say: {text: 0xFF, then: a}"), "unquoted"),
    "thousands": (_node("say: {text: 1_000, then: a}"), "unquoted"),
    "yes": (_node("say: {text: true, then: a}"), "unquoted"),
    "nothing": (_node("say: {text: null, then: a}"), "value-wrong"),
    "a python object": (b"!!python/object/apply:os.system ['true']", "yaml-tag"),
    "a tag of the file's own": (b"flow: !geheim x", "yaml-tag"),
    "a directive": (b"%YAML 9.9\n---\nflow: x\n", "yaml-syntax"),
    "an open quote": (b'flow: "x\nstart: a\n', "yaml-syntax"),
    "an open brace": (b"flow: {x\n", "yaml-syntax"),
    "a brace placeholder without quotes": (b"text: {{ practice.name }}\n", "key-odd"),
    "empty": (b"", "file-shape"),
    "a list": (b"- flow\n", "file-shape"),
    "a word": (b"flow", "file-shape"),
    "a node that is a word": (b"flow: x\nstart: a\nnodes: {a: b}\n", "value-wrong"),
    "nodes in a list": (b"flow: x\nstart: a\nnodes: [a]\n", "value-wrong"),
    "a long number": (_node("menu: {text: x, seconds: " + "9" * 5000 + ", choices: {}}"), "value-wrong"),
    "a name out of the folder": (
        b"flow: x\nstart: a\ninclude: [../../geheim]\nnodes: {a: {hangup: {}}}\n", "name-wrong",
    ),
    "a prompt out of the folder": (_node("hangup: {prompt: ../../../etc/passwd}"), "prompt-unknown"),
    "a prompt with a zero byte": (_node('hangup: {prompt: "a\\0b"}'), "prompt-unknown"),
    "a million laughs in a template": (
        _node('hangup: {text: "{{ \'a\' * 10 ** 10 }}"}'), "text-template",
    ),
}  # fmt: skip


def main() -> int:
    """Read the corpus; tell the slowest file and the memory taken, 1 if an answer is another one."""
    around, slowest, wrong = surroundings(), ("", 0.0), []
    for name, (raw, code) in CORPUS.items():
        began = time.perf_counter()
        _, problems = look(Path("test.yaml"), around, raw)
        slowest = max(slowest, (name, time.perf_counter() - began), key=lambda found: found[1])
        if code not in {problem.code for problem in problems}:
            wrong.append((name, [problem.code for problem in problems]))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"slowest: {slowest[0]} {slowest[1]:.2f} s; memory {megabytes} MB; wrong: {wrong}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
