"""The reader of submissions under a fuzzer that is guided by the lines it reaches: whatever the bytes, a record or a
named complaint. COURSE_FUZZ_SECONDS makes it longer than ten seconds."""

import copy
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import source, submission
from grader.selftest import Draft, reference

ROOT = Path(__file__).parents[2]
TINY = source.load(ROOT / "tests" / "grader" / "solutions" / "ex99_tiny.py")
SECONDS = float(os.environ.get("COURSE_FUZZ_SECONDS", "10"))
ODD = [None, True, -1, 1e999, "", "\ud800", "\u202e", "\0", "x" * 3000, [], {}, [[]], {"nbgrader": {}}, 2**70, "# %% x"]
BYTES = [
    b'"',
    b"{",
    b"]",
    b"\\ud800",
    b"\0",
    b"null",
    b"NaN",
    b"\xff\xfe",
    b"<<<<<<< HEAD\n",
    b"\r\n",
    b"\xc3",
    b"9" * 40,
]
WORDS = ["I say so, because of it.", "```python\n", "%%bash\n", "await x", "def energy(x):\n", "YOUR ANSWER HERE", "# "]


def reached(work: Callable[[], object]) -> frozenset[int]:
    """The lines of submission.py that `work()` runs through."""
    lines: set[int] = set()

    def inside(frame, event, _):
        lines.add(frame.f_lineno)
        return inside

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: inside if frame.f_code.co_filename == submission.__file__ else None)
    try:
        work()
    finally:
        sys.settrace(before)
    return frozenset(lines)


def places(tree) -> list[tuple]:
    """Every container of a JSON value, with a key in it."""
    found, waiting = [], [tree]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        found += [(one, key) for key in keys]
        waiting += [one[key] for key in keys]
    return found


def changed_tree(tree, chance: random.Random):
    """A JSON value with a few of its parts replaced, removed, doubled or mixed with others."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.randint(1, 5)):
        spots = places(tree)
        if not spots:
            return chance.choice(ODD)
        (box, key), (other, its) = chance.choice(spots), chance.choice(spots)
        match chance.randrange(6):
            case 0:
                box[key] = copy.deepcopy(chance.choice(ODD))
            case 1:
                box[key] = copy.deepcopy(other[its])
            case 2:
                del box[key]
            case 3 if isinstance(box, list):
                box.insert(chance.randrange(len(box) + 1), copy.deepcopy(box[key]))
            case 4 if isinstance(box, dict):
                box[chance.choice(["source", "id", "metadata", "cell_type", "cells", "grade_id", "nbgrader"])] = box[
                    key
                ]
            case _ if isinstance(box[key], str):
                cut = chance.randrange(len(box[key]) + 1)
                box[key] = box[key][:cut] + chance.choice(WORDS) + box[key][cut + chance.choice([0, 0, 1, 9]) :]
    return tree


def changed_bytes(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) + 1)
        length = chance.choice([0, 1, 2, 30])
        more = chance.choice([chance.choice(BYTES), data[place : place + 200], chance.randbytes(2)])
        data[place : place + length] = more
    return bytes(data)


def changed(content: bytes, chance: random.Random) -> bytes:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return changed_bytes(content, chance)
    if chance.random() < 0.2:
        return changed_bytes(content, chance)
    text = json.dumps(changed_tree(tree, chance), ensure_ascii=chance.random() < 0.8)
    return text.encode(chance.choice(["utf-8"] * 8 + ["utf-16", "cp1252"]), "replace")


def is_read_or_refused(content: bytes) -> None:
    found, complaint = None, ""
    try:
        found = submission.read(content, TINY)
    except submission.Unreadable as error:
        complaint = str(error)
    if found is None:
        assert complaint
        return
    added = [one for some in (*found.extras.values(), *found.added.values()) for one in some]
    texts = [*found.answers.values(), *found.last, *added, *found.flags, found.claimed_id]
    "".join(texts).encode()  # texts, and no half characters


@pytest.mark.thorough
def test_any_bytes_are_read_or_refused_by_name():
    seed = int(os.environ.get("COURSE_FUZZ_SEED", "0"))
    chance, until = random.Random(seed), time.monotonic() + SECONDS
    corpus = [Draft(TINY, answers).dumps() for answers in (reference(TINY), {})]
    corpus += [b"", b"# %%\nx = 1\n", json.dumps({"worksheets": [{"cells": json.loads(corpus[0])["cells"]}]}).encode()]
    seen, tried = frozenset(), 0
    for content in corpus:
        seen |= reached(lambda content=content: is_read_or_refused(content))
    begun = len(seen)
    while time.monotonic() < until:
        content = changed(chance.choice(corpus), chance)
        try:
            new = reached(lambda content=content: is_read_or_refused(content)) - seen
        except BaseException:
            print(f"seed {seed}, example {tried}: {content!r}")
            raise
        tried += 1
        if new:
            seen |= new
            corpus.append(content)
    print(f"{tried} examples; {begun} lines were reached at first, {len(seen)} in the end; {len(corpus)} kept")
    assert len(seen) > begun  # it got further than where it began
