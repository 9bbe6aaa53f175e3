"""What is pasted comes in whole, and everything else as Textual reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message import Message

from tui.pasting import BEGIN, END, Parser, take_pastes_whole

PASTES = (BEGIN + "x\n\x00y" + END, BEGIN + END)
PIECES = st.lists(
    st.sampled_from(["a", "j", "\r", "\x1b[A", "\x1b[<0;3;4M", "ü", "\n", "[201~", "200~", *PASTES])
)


def read(parser: XTermParser, parts: Iterable[str]) -> list[str]:
    """What a parser makes of what comes in these parts."""
    return [told(event) for part in parts if part for event in parser.feed(part)]


def told(event: Message) -> str:
    """An event as text, without what differs from one to the next."""
    if isinstance(event, events.Paste):
        return f"paste {event.text!r}"
    return f"{type(event).__name__} {getattr(event, 'key', '')} {getattr(event, 'x', '')}"


@given(PIECES, st.data())
def test_it_reads_as_textual_does_however_it_is_cut(pieces: list[str], data: st.DataObject) -> None:
    """Keys, mouse and pastes, in the order in which they came."""
    text = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(Parser(), parts) == read(XTermParser(), [text])


def test_a_megabyte_is_not_looked_at_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what stands around it is; and the app's driver uses this parser."""
    looked_at: list[str] = []
    feed = XTermParser.feed

    def watched(parser: XTermParser, data: str) -> Iterable[Message]:
        looked_at.append(data)
        return feed(parser, data)

    monkeypatch.setattr(XTermParser, "feed", watched)
    text = "0123456789abcdef" * 65_536
    sent = f"a{BEGIN}{text}{END}b"
    parts = [sent[at : at + 4096] for at in range(0, len(sent), 4096)]
    assert read(Parser(), parts) == [
        *read(XTermParser(), ["a"]),
        f"paste {text!r}",
        *read(XTermParser(), ["b"]),
    ]
    assert set(looked_at) == {"a", "b"}


def test_the_drivers_of_textual_take_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a terminal, and that of a browser."""
    from textual.drivers import linux_driver, web_driver

    for module, driver in ((linux_driver, linux_driver.LinuxDriver), (web_driver, web_driver.WebDriver)):
        monkeypatch.setattr(module, "XTermParser", XTermParser)
        app: App[Any] = App(driver_class=driver)
        take_pastes_whole(app)
        assert module.XTermParser is Parser
