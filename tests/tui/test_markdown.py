"""What models write, drawn block by block."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.ink import Span, plain, width_of
from tui.markdown import TABLE_CHUNK, Blocks, block_lines, inline, markdown_blocks
from tui.transcript import Transcript

SAMPLE = """# Title

A paragraph with **bold**, *italic*, `code` and [a link](https://example.org).
It goes on.

- one
- two
  that goes on
  - deeper

1. first
2. second

> quoted

```python
def f(x):
    return x  # a comment
```

| a | b |
|---|---|
| 1 | 2 |

---
"""


def drawn(text: str, width: int = 60) -> str:
    """The text as it is shown."""
    return plain(line for block in markdown_blocks(text) for line in block_lines(block, width))


def test_every_kind_of_block_is_drawn() -> None:
    """Marks become form, and no mark is left over."""
    assert drawn(SAMPLE) == "\n".join(
        [
            "Title",
            "",
            "A paragraph with bold, italic, code and a link",
            "https://example.org. It goes on.",
            "",
            "• one",
            "• two that goes on",
            "  • deeper",
            "",
            "1. first",
            "2. second",
            "",
            "▎ quoted",
            "",
            " def f(x):",
            "     return x  # a comment",
            "",
            "a │ b",
            "──┼──",
            "1 │ 2",
            "",
            "─" * 60,
        ]
    )


@given(st.integers(1, 40))
def test_the_same_text_in_pieces_gives_the_same_blocks(size: int) -> None:
    """However a stream is cut, the end is the same."""
    blocks = Blocks()
    for start in range(0, len(SAMPLE), size):
        blocks.feed(SAMPLE[start : start + size])
    blocks.close()
    assert blocks.finished == markdown_blocks(SAMPLE)


@given(st.text(max_size=300), st.integers(10, 80))
def test_no_text_can_break_the_drawing(text: str, width: int) -> None:
    """Any text is drawn, and no line is wider than the room for it."""
    for block in markdown_blocks(text):
        for line in block_lines(block, width):
            assert width_of(line) <= width or block.kind == "item"


def test_an_open_fence_is_shown_while_it_streams() -> None:
    """Code appears line by line, before its end is there."""
    blocks = Blocks()
    blocks.feed("```python\nx = 1\ny =")
    assert plain(line for b in blocks.rest for line in block_lines(b, 40)) == " x = 1\n y ="
    assert blocks.finished == []


def test_a_very_long_table_is_drawn_in_parts_with_the_same_head() -> None:
    """An open table does not cost more with every row."""
    rows = "\n".join(f"| {n} | x |" for n in range(TABLE_CHUNK * 3))
    blocks = [b for b in markdown_blocks(f"| n | v |\n|---|---|\n{rows}") if b.kind == "table"]
    assert len(blocks) > 2
    assert all(b.lines[0] == "| n | v |" and len(b.lines) <= TABLE_CHUNK for b in blocks)


def test_names_with_underscores_stay_as_they_are() -> None:
    """snake_case is no emphasis."""
    assert plain([inline("call test_no_hyphen_at_the_ends now")]) == "call test_no_hyphen_at_the_ends now"


def test_markup_of_the_screen_library_is_only_text() -> None:
    """A model cannot colour, link or run anything with square brackets."""
    text = "[bold red]x[/] [@click=app.quit]press[/]"
    line = inline(text)
    assert plain([line]) == text
    assert all(span.link == "" for span in line)


@given(
    st.lists(st.sampled_from([*SAMPLE.split(" "), "\n", "\n\n", "```", "- x ", "word "]), max_size=60),
    st.integers(20, 60),
)
@example(["word ", "\n\nword ", "\n\nword "], 40)
def test_what_a_stream_calls_unchanged_is(pieces: list[str], width: int) -> None:
    """Lines that are not drawn again are those that were there before, however the words are cut."""
    roll, text = Transcript(), ""
    roll.resize(width)
    for piece in pieces:
        before, text = [roll.line(y) for y in range(roll.height)], text + piece
        changed = roll.stream("code_writer", "a:1", text, None)
        unchanged = roll.unchanged
        while roll.unfinished:
            roll.draw_near(None)
        after = [roll.line(y) for y in range(roll.height)]
        assert not changed or before[:unchanged] == after[:unchanged]


def test_a_longer_last_line_leaves_all_others() -> None:
    """Most pieces of a stream do no more than that."""
    roll = Transcript()
    roll.resize(40)
    roll.stream("code_writer", "a:1", "one\n\n- two\n- three", None)
    roll.stream("code_writer", "a:1", "one\n\n- two\n- three and", None)
    assert roll.unchanged == roll.height - 1


def test_a_long_fence_is_ended_by_none_that_is_shorter() -> None:
    """A text about Markdown holds fences of its own, and a line of code between backticks begins none."""
    text = "````markdown\n```python\nx = 1\n```\n````\nafter\n\n```now```\nand words"
    kinds = [(block.kind, block.lines) for block in markdown_blocks(text) if block.kind != "blank"]
    assert kinds == [
        ("code", ("```python", "x = 1", "```")),
        ("paragraph", ("after",)),
        ("paragraph", ("```now```", "and words")),
    ]


@pytest.mark.parametrize(
    ("written", "shown"), [("## C#", "C#"), ("# Title ##", "Title"), ("# #", ""), ("### a # b", "a # b")]
)
def test_a_heading_loses_only_the_marks_that_close_it(written: str, shown: str) -> None:
    """A name may end with such a mark."""
    assert drawn(written) == shown


def test_brackets_that_no_link_closes_are_looked_at_once() -> None:
    """Hundreds of thousands of them would otherwise hold up every key for minutes."""
    for before in ("[", "[a](b"):
        assert inline(f"{before}[c](d)") == (
            Span(before),
            Span("c", "text underline"),
            Span(" d", "muted"),
        )
