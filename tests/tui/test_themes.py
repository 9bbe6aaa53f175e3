"""Colours: enough contrast for every ink, and a meaning that never hangs on one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.color import Color
from textual.theme import Theme

from screenshots.scenes import Journal, calm, until
from tests.tui.driving import running, told
from tui.ink import INKS, Span
from tui.theme import NAMES, TERMINAL, THEMES
from tui.widgets.lines import Lines

GROUNDS = ("background", "surface", "panel", "cursor", "code")


def luminance(colour: Color) -> float:
    """The relative luminance of WCAG 2."""
    parts = [c / 255 for c in colour.rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    """The contrast of two colours."""
    high, low = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def grounds(theme: Theme) -> dict[str, str]:
    """Every ground that text stands on."""
    own = {"background": theme.background, "surface": theme.surface, "panel": theme.panel}
    return {k: v or "" for k, v in own.items()} | {
        "cursor": theme.variables["ground-cursor"],
        "code": theme.variables["ground-code"],
    }


@pytest.mark.parametrize("theme", [t for t in THEMES if not t.ansi], ids=lambda theme: theme.name)
def test_every_ink_can_be_read_on_every_ground(theme: Theme) -> None:
    """4.5:1 for text; 3:1, off the cursor, for what only repeats; lines are lines."""
    measured = {
        (ink, name): round(ratio(theme.variables[f"ink-{ink}"], colour), 2)
        for ink in INKS
        if ink != "rule"
        for name, colour in grounds(theme).items()
        if ink != "faint" or name in ("background", "surface")
    }
    weak = {pair: value for pair, value in measured.items() if value < (3.0 if pair[0] == "faint" else 4.5)}
    assert not weak


@pytest.mark.parametrize("theme", [t.name for t in THEMES if not t.ansi])
async def test_what_is_under_the_cursor_can_be_read(theme: str, journal_of: Callable[[str], Journal]) -> None:
    """As it is drawn: no word of the row that one is on has less than 4.5:1."""
    async with running(journal_of("review")) as (app, pilot):
        app.action_use_theme(theme)
        await calm(pilot)
        ground = Color.parse(app.theme_variables["ground-cursor"]).hex
        drawn = {
            (Color.from_rich_color(s.style.color).hex, Color.from_rich_color(s.style.bgcolor).hex)
            for strip in app.screen._compositor.render_strips()
            for s in strip
            if s.style and s.style.color and s.style.bgcolor and s.text.strip()
        }
        row = {ink: round(ratio(ink, ground), 2) for ink, under in drawn if under == ground}
        assert row and not {ink: value for ink, value in row.items() if value < 4.5}


async def test_a_theme_that_there_is_not_is_named(journal_of: Callable[[str], Journal]) -> None:
    """The app starts in its own colours, and says which there are."""
    async with running(journal_of("review"), theme="qdeck-drak") as (app, pilot):
        await until(pilot, lambda: "There is no theme 'qdeck-drak'" in told(app))
        assert "qdeck-dark, qdeck-light" in told(app) and app.theme == "qdeck-dark"


async def test_the_terminals_own_palette_comes_and_goes(journal_of: Callable[[str], Journal]) -> None:
    """With it, colours are the terminal's sixteen; after it, nothing is left black on black."""
    assert set(NAMES) == {theme.name for theme in THEMES}
    async with running(journal_of("review")) as (app, pilot):

        def colours() -> set[tuple[str, str]]:
            strips = app.screen._compositor.render_strips()
            styles = [s.style for strip in strips for s in strip if s.style and s.text.strip()]
            return {(str(s.color and s.color.name), str(s.bgcolor and s.bgcolor.name)) for s in styles}

        before = colours()
        app.action_use_theme(TERMINAL)
        await calm(pilot)
        inked = {ink for ink, _ in colours()}
        assert not [ink for ink in inked if ink.startswith("#")] and {"color(3)", "color(4)"} <= inked
        app.action_use_theme("qdeck-dark")
        await calm(pilot)
        assert colours() == before


async def test_plain_lines_show_code_on_its_ground(journal_of: Callable[[str], Journal]) -> None:
    """What a page can draw, a few lines above it can draw too."""
    async with running(journal_of("plan")) as (app, pilot):
        lines = Lines(lambda width: [(Span("pytest -q", "text on-code"),)])
        await app.screen.mount(lines)
        await calm(pilot)
        (code, *_) = lines.render_line(0)
        assert code.text == "pytest -q" and code.style is not None and code.style.bgcolor is not None
        wanted = Color.parse(app.theme_variables["ground-code"]).hex6.lower()
        assert code.style.bgcolor.name == wanted
