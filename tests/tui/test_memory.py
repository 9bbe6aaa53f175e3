"""What the app keeps out of its memory, and what still works without it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.strip import Strip

from tui import strips
from tui.lean import LONG, without_docstrings
from tui.transcript import Piece, Transcript

PROGRAM = """
import json, sys, typing
from tui import lean
lean.spare_libraries()
import textual.app
lean.import_briefly()
import asyncio, hashlib
from core.service import OrchestrationService
import sqlalchemy, sqlmodel
from pydantic_core.core_schema import ModelSchema
typed = [bool(sqlalchemy.select.__annotations__), bool(ModelSchema.__annotations__)]
lean.forget_types()
typed += [bool(sqlalchemy.select.__annotations__), bool(ModelSchema.__annotations__)]
class Told(sqlmodel.SQLModel):
    count: int
import pygments.lexers.python
filtered = pygments.lexers.python.PythonLexer()
spared = {"ssl", "_ssl", "_hashlib", "bz2", "lzma", "email", "zipfile", "html.entities"}
spared = sorted((spared | {"textual.widgets._tree"}) & set(sys.modules))
spared += ["filters"] if sys.modules["pygments.filters"].__spec__ else []
quoted = typing.ForwardRef("dict[str, int]")
import bz2, html.parser, importlib.metadata, lzma, ssl
from textual.types import CallbackType
filtered.add_filter("gobble", n=2)
print(json.dumps({
    "spared": spared,
    "digest": hashlib.sha256(b"abc").hexdigest(),
    "docs": [sqlalchemy.select.__doc__, sqlalchemy.Column.__doc__, sqlmodel.__doc__],
    "version": importlib.metadata.version("textual"),
    "typed": typed,
    "checks": Told.model_validate({"count": "3"}).count,
    "html": html.unescape("&lt;") + html.entities.html5["gt;"],
    "type": str(CallbackType),
    "kept": quoted.__forward_code__ is quoted.__forward_code__,
    "tls": hasattr(ssl, "create_default_context"),
    "filtered": [text for _, text in filtered.get_tokens("abc")],
    "quoted": str(typing.get_type_hints(type("T", (), {"__annotations__": {"a": quoted}}))),
}))
"""


def test_the_journal_is_opened_without_what_nobody_needs() -> None:
    """Neither OpenSSL nor long docstrings nor what reads packages; all of them are there when asked for."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["spared"] == []
    assert told["digest"].startswith("ba7816bf")
    assert all(len(doc or "") < LONG for doc in told["docs"])
    assert told["typed"] == [True, True, False, False]
    assert told["checks"] == 3
    assert told["version"] == "8.2.8"
    assert told["html"] == "<>"
    assert told["tls"]
    assert "Callable" in told["type"]
    assert told["kept"] == (sys.version_info >= (3, 14))
    assert told["filtered"][0] == "c"
    assert told["quoted"] == "{'a': dict[str, int]}"


SOURCE = f'''
"""{"The module. " * 20}"""
def short():
    """Short."""
    return "Short."
def bare():
    return "{"no docstring " * 20}"
def long(text="{"a default " * 20}"):
    """{"A function. " * 20}"""
    return "{"a value " * 20}" + text
class Thing:
    """{"A class. " * 20}"""
    word = "{"a word " * 20}"
    def method(self):
        """{"A method. " * 20}"""
class Plain:
    word = "{"a plain word " * 20}"
'''


def test_docstrings_go_and_no_other_text_does() -> None:
    """Modules, classes, functions and methods lose a long docstring, and compute what they did."""
    with_all: dict[str, object] = {}
    without: dict[str, object] = {}
    code = compile(SOURCE, "source", "exec", dont_inherit=True)
    exec(code, with_all)  # noqa: S102
    exec(without_docstrings(code), without)  # noqa: S102
    for names in (with_all, without):
        thing, plain = names["Thing"], names["Plain"]
        assert names["short"].__doc__ == names["short"]() == "Short."  # type: ignore[operator]
        assert names["bare"]().startswith("no docstring")  # type: ignore[operator]
        assert names["long"]().startswith("a value") and names["long"]().endswith("a default ")  # type: ignore[operator]
        assert thing.word.startswith("a word") and plain.word.startswith("a plain")  # type: ignore[attr-defined]
        docs = [names["__doc__"], names["long"].__doc__, thing.__doc__, thing.method.__doc__]  # type: ignore[attr-defined]
        assert [len(str(doc)) > LONG for doc in docs] == [names is with_all] * 4


def test_a_strip_makes_its_memories_when_it_uses_them() -> None:
    """They are those that a strip of Textual's has from the start, of the same size; a new one holds none."""
    theirs = Strip([Segment("some words")])
    strips.ORIGINAL(theirs, [Segment("some words")])
    sizes = {
        name: cache._maxsize
        for name in Strip.__slots__
        if isinstance(cache := getattr(theirs, name), FIFOCache)
    }
    assert sizes == strips.CACHES
    strips.let_go()
    ours = Strip([Segment("some words")])
    empty = object.__new__(Strip)
    for name in set(Strip.__slots__) - set(sizes):
        assert getattr(ours, name) == getattr(theirs, name)
        with pytest.raises(AttributeError):
            getattr(empty, name)
    assert ours.crop(0, 4).text == "some" and ours.crop(0, 4) is ours.crop(0, 4)
    assert [name for name in sizes if _filled(ours, name)] == ["_crop_cache"]
    assert {name: getattr(ours, name)._maxsize for name in sizes} == sizes


def _filled(strip: Strip, name: str) -> bool:
    """Whether the slot holds something; asking the strip itself would fill it."""
    try:
        Strip.__dict__[name].__get__(strip)
    except AttributeError:
        return False
    return True


def test_a_strip_that_was_drawn_keeps_nothing_alive() -> None:
    """No strip refers to itself after the screen has cut it, so it needs no collector of garbage."""
    strips.let_go()
    gc.collect()
    strip = Strip([Segment("some words", Style(bold=True))])
    assert strip.divide([10]) == [strip]
    assert strip.crop_extend(0, 10, None) is strip
    assert [part.text for part in strip.divide([4, 10])] == ["some", " words"]
    assert strip.crop_extend(0, 12, None).text == "some words  "
    assert strip.crop_extend(5, 10, None).text == "words"
    gc.disable()
    try:
        del strip
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_strips_are_kept_near_the_window_only() -> None:
    """What was drawn a window away or more keeps its lines, and no strips."""
    roll = Transcript()
    roll.resize(40)
    for _ in range(200):
        roll._add(Piece(height=1, lines=[()], strips={0: object()}))
    roll.forget_far(100, 110)
    assert [i for i, piece in enumerate(roll._pieces) if piece.strips] == list(range(90, 121))
    assert [i for i, piece in enumerate(roll._pieces) if piece.lines] == list(range(60, 151))
