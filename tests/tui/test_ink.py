"""Styled text as data: cut, fitted and wrapped to cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ink import Span, cells, cut, cut_line, fit, plain, said, spread, width_of, wrap
from tui.search import marked
from tui.widgets.bars import Hint, HintLine

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Mn", "Me", "Zl", "Zp")), max_size=120)


@given(TEXT, st.integers(1, 60))
def test_a_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    """Whatever the characters, a column is as wide as it says."""
    assert cells(fit(text, width)) == width
    assert cells(fit(text, width, "right")) == width


@given(TEXT, st.integers(8, 60), st.integers(0, 6))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, width: int, indent: int) -> None:
    """Wrapping breaks lines and drops blanks at the breaks, nothing else."""
    rows = wrap((Span(text, "text"),), width, indent)
    assert all(width_of(row) <= width for row in rows)
    assert plain(rows).replace(" ", "").replace("\n", "") == text.replace(" ", "")


def test_paths_and_names_come_apart_at_their_joints() -> None:
    """A test is found by its name; half a word at the end of a row hides it."""

    def rows(text: str, width: int) -> list[str]:
        return plain(wrap((Span(text),), width)).split("\n")

    test = "tests/test_slug.py::test_words_are_joined,"
    assert rows(test, 34) == ["tests/test_slug.py::", "test_words_are_joined,"]
    assert rows(test, 41) == ["tests/test_slug.py::", "test_words_are_joined,"], "no comma by itself"
    assert rows("test_letters_without_an_accent_are_kept", 20) == [
        "test_letters_",
        "without_an_accent_",
        "are_kept",
    ]
    assert rows("a/" + "b" * 20, 12) == ["a/bbbbbbbbbb", "b" * 10], "no row is left half empty for it"


@given(TEXT, TEXT, st.integers(4, 80))
def test_a_spread_line_never_exceeds_its_width(left: str, right: str, width: int) -> None:
    """The left side gives way to the right one."""
    line = spread((Span(left),), (Span(right),), width)
    assert width_of(line) <= width


def test_a_title_is_read_beside_however_long_a_path() -> None:
    """What a screen is called is not given up for where its file lies."""
    shown = plain([spread((Span("Settings"),), (Span("/long" * 30),), 60)])
    assert shown.startswith("Settings  /long") and cells(shown) == 60 and shown.endswith("…")


def test_a_narrow_hint_line_drops_dim_keys_first_and_the_way_out_last() -> None:
    """Whoever reads it can always leave, and reads what works before what does not."""
    line = HintLine()
    line._hints = (
        Hint("a", "approve", dim=True),
        Hint("e", "evidence"),
        Hint("h", "history"),
        Hint("esc", "board"),
        Hint("z", "zoom"),
    )
    told = {width: plain([line.lines(width)]).split("?")[0].split() for width in (80, 60, 50, 40, 30, 20)}
    assert told[80] == ["a", "approve", "e", "evidence", "h", "history", "esc", "board", "z", "zoom"]
    assert told[60] == ["e", "evidence", "h", "history", "esc", "board", "z", "zoom"]
    assert told[50] == ["e", "evidence", "h", "history", "esc", "board"]
    assert told[40] == ["e", "evidence", "esc", "board"]
    assert told[30] == ["esc", "board"] and told[20] == []


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("short", 10, "short"), ("a long one", 6, "a lon…"), ("日本語", 4, "日…"), ("x", 0, "")],
)
def test_what_is_cut_ends_in_an_ellipsis(text: str, width: int, shown: str) -> None:
    """A cut is visible."""
    assert cut(text, width) == shown


def test_a_cut_line_keeps_its_inks() -> None:
    """The part that stays keeps the colour that it had."""
    line = cut_line((Span("ab", "ok"), Span("cdef", "bad")), 4)
    assert line == (Span("ab", "ok"), Span("c…", "bad"))


def test_text_from_outside_becomes_one_harmless_line() -> None:
    """Escapes, controls and line breaks of others do not reach a screen."""
    span = said("red \x1b[31mtext\x07\nand \u202eevil [bold]x[/]")
    assert span.text == "red text and evil [bold]x[/]"


@given(st.lists(st.text("abAB İ", max_size=6), max_size=6), st.text("abAB ", min_size=1, max_size=4))
def test_every_match_is_marked_and_nothing_else(parts: list[str], needle: str) -> None:
    """Also one that begins in one ink and ends in another; no letter is lost."""
    line = tuple(Span(part, f"ink{n}") for n, part in enumerate(parts))
    found = marked(line, needle)
    assert plain([found]) == plain([line])
    low = needle if needle != needle.lower() else None
    text = "".join(parts) if low else "".join(p.lower() if len(p.lower()) == len(p) else p for p in parts)
    lit = "".join(("#" if "reverse" in span.ink else "-") * len(span.text) for span in found)
    assert lit == text.replace(needle, "#" * len(needle)).translate({ord(c): "-" for c in "abAB İi̇"})
