"""The hint line: which keys are seen where there is little room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from screenshots.scenes import Journal
from tests.tui.driving import running
from tests.tui.test_every_key import settle
from tests.tui.walks import WALKS
from tui.ink import plain
from tui.widgets.bars import Hint, HintLine

JournalOf = Callable[[str], Journal]

SEEN = {
    "board": "enter a r b n ctrl+n /",
    "workflow": "a r b c [ ] esc p",
    "decision": "d e h c n esc",
    "rollback": "j k e pgdn h / esc",
    "diff": "enter r [ ] { } v esc",
    "evidence": "j k enter [ ] / d esc",
    "history": "← → [ ] v f c w esc",
    "new": "ctrl+t ctrl+f ctrl+r esc",
}
"""What is told at 80x24, where `?` or the palette tells the rest."""


def drawn(line: HintLine, width: int) -> str:
    """The line as it is read."""
    return plain([line.lines(width)])


def test_words_go_before_keys_and_the_way_to_all_keys_stays() -> None:
    """First the words are short, then one way to help is enough, then dim keys go, then the last ones."""
    line = HintLine()
    hints = [Hint("a", "approve it now", short="approve"), Hint("x", "cancel", dim=True)]
    line._hints = (*hints, Hint("v", "columns"), Hint("esc", "back"))
    assert "a approve it now  x cancel  v columns  esc back" in drawn(line, 80)
    assert "a approve  x cancel  v columns  esc back" in drawn(line, 66) and "ctrl+p all" in drawn(line, 66)
    assert "x cancel" in drawn(line, 56) and "? help" in drawn(line, 56) and "ctrl+p" not in drawn(line, 56)
    assert "a approve  v columns  esc back" in drawn(line, 46) and "x cancel" not in drawn(line, 46)
    assert "a approve  esc back" in drawn(line, 36)
    line._writing = True
    assert "?" not in drawn(line, 56) and "ctrl+p all" in drawn(line, 56), "there ? is a letter"


async def test_what_is_needed_is_told_on_a_small_terminal(journal_of: JournalOf, project: Path) -> None:
    """On every screen that acts, its own deeds are in the line: none has to be known by heart."""
    journal = journal_of("review")
    async with running(journal, project, size=(80, 24)) as (app, pilot):
        for name, keys in SEEN.items():
            walk = next(walk for walk in WALKS if walk.name == name)
            await walk.reach(app, pilot, journal)
            await settle(app, pilot)
            text = drawn(app.screen.query_one("#hints", HintLine), 80)
            told = [word for word in text.split() if word in keys.split()]
            assert told == keys.split(), f"{name}: {text}"
