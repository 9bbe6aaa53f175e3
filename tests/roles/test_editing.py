"""Edits: applied where they are meant, or refused; never to the wrong place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.roles.tools.editing import EditError, apply_edit

TEXT = """def first(a):
    if a:
        return 1
    return 2


def second(a):
    if a:
        return 1
    return 3
"""


def test_the_exact_text_is_replaced_once() -> None:
    """The ordinary case."""
    edited = apply_edit(TEXT, "return 3", "return 4")

    assert edited.text == TEXT.replace("return 3", "return 4")
    assert edited.tier == "exact"


def test_text_that_occurs_twice_is_refused_with_its_lines() -> None:
    """Nobody can know which one is meant, so the model is told where they are."""
    with pytest.raises(EditError, match=r"2 times .*2, 8"):
        apply_edit(TEXT, "    if a:\n", "    if not a:\n")


def test_all_places_are_replaced_when_asked() -> None:
    """Renaming is one call."""
    assert apply_edit(TEXT, "if a", "if b", replace_all=True).text.count("if b") == 2


@pytest.mark.parametrize(
    "old",
    [
        "def second(a):   \n    if a:\t\n        return 1\n    return 3",
        "\n\ndef second(a):\n    if a:\n        return 1\n    return 3\n\n",
        "    7\tdef second(a):\n    8\t    if a:\n    9\t        return 1\n   10\t    return 3",
        "def second(a):\r\n    if a:\r\n        return 1\r\n    return 3\r\n",
    ],
    ids=["trailing blanks", "blank lines", "line numbers", "windows line ends"],
)
def test_harmless_differences_are_tolerated(old: str) -> None:
    """What models do to text when they copy it does not stand in the way."""
    new = old.replace("return 3", "return 4")

    assert apply_edit(TEXT, old, new).text.replace("return 4", "return 3").split() == TEXT.split()
    assert "return 4" in apply_edit(TEXT, old, new).text


def test_a_shifted_block_is_put_at_the_files_own_indentation() -> None:
    """One shift that explains every line is made good."""
    edited = apply_edit(TEXT, "if a:\n    return 1\nreturn 3", "if a:\n    return 5\nreturn 3")

    assert edited.tier == "indentation"
    assert "    if a:\n        return 5\n    return 3\n" in edited.text


def test_an_uneven_shift_is_refused() -> None:
    """Indentation means something; two different shifts are a guess."""
    with pytest.raises(EditError, match="inconsistent indentation"):
        apply_edit(TEXT, "if a:\n        return 1\nreturn 3", "pass")


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("def second(b):\n    if b:\n        return 1\n    return 3", "closest is lines 7-10"),
        ("nothing like it at all, anywhere", "Read the file again"),
        ("", "old is empty"),
    ],
)
def test_what_is_not_there_is_refused_with_help(old: str, said: str) -> None:
    """The answer holds the lines from which the model can correct itself."""
    with pytest.raises(EditError, match=said):
        apply_edit(TEXT, old, "x")


def test_an_edit_that_was_made_already_says_so() -> None:
    """A model that repeats itself learns that there is nothing left to do."""
    with pytest.raises(EditError, match="already in the file"):
        apply_edit(TEXT, "return 99", "return 3")


def test_windows_line_ends_are_kept() -> None:
    """A model speaks in newlines; the file keeps its own."""
    edited = apply_edit("a\r\nb\r\nc\r\n", "a\nb", "a\nB")

    assert edited.text == "a\r\nB\r\nc\r\n"


def test_mixed_line_ends_are_never_evened_out() -> None:
    """Lines that nobody named stay byte for byte."""
    assert apply_edit("a\r\nb\nc\n", "b", "B").text == "a\r\nB\nc\n"
    with pytest.raises(EditError, match="mixed line ends"):
        apply_edit("a\r\nb\nc\n", "a\nb", "x")


LINES = st.lists(st.text("ab c\t", max_size=6), min_size=1, max_size=12)


@given(LINES, LINES, LINES)
def test_an_edit_touches_nothing_around_it(text: list[str], old: list[str], new: list[str]) -> None:
    """Whatever is asked, the lines before and after one replaced block stay as they were."""
    whole, wanted, given_ = "\n".join(text), "\n".join(old), "\n".join(new)
    try:
        edited = apply_edit(whole, wanted, given_)
    except EditError:
        return
    if edited.tier == "create":
        assert not whole.strip()
        return
    if edited.tier == "exact" and wanted in whole:
        assert edited.text == whole.replace(wanted, given_, 1)
        return
    after = edited.text.split("\n")
    same_head = next((i for i, (a, b) in enumerate(zip(text, after, strict=False)) if a != b), len(text))
    same_tail = next(
        (i for i, (a, b) in enumerate(zip(reversed(text), reversed(after), strict=False)) if a != b),
        len(text),
    )
    assert len(text) - same_head - same_tail <= len(old)


@given(st.text(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_an_edit_never_fails_but_in_words(text: str, old: str, new: str) -> None:
    """Any input gives a text or an explanation."""
    try:
        apply_edit(text, old, new)
    except EditError as error:
        assert str(error)
