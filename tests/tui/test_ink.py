"""Styled text as data: cut, fitted and wrapped to cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ink import Span, cells, cut, cut_line, fit, plain, said, spread, width_of, wrap

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


@given(TEXT, TEXT, st.integers(4, 80))
def test_a_spread_line_never_exceeds_its_width(left: str, right: str, width: int) -> None:
    """The left side gives way to the right one."""
    line = spread((Span(left),), (Span(right),), width)
    assert width_of(line) <= width


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
