"""A role's prompt, or how a role reads it, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, said, wrap
from tui.markdown import markdown_blocks
from tui.pages.parts import heading


def prompt_page(row: Mapping[str, Any], preview: str, width: int) -> list[Line]:
    """Return a prompt, or its preview, with whose it is on top."""
    own, fault = row.get("own"), str(row.get("fault") or "")
    lines = heading(clean(str(row["title"]), lines=False), width)
    if preview:
        about, _, text = preview.partition("\n")
        lines += wrap((Span("as a role reads it: ", "muted"), said(about, "strong")), width)
    else:
        text = str(row["shipped"] if own is None else own)
        if own is None:
            lines.append((Span("as it is shipped", "muted"),))
        elif not fault:
            lines.append((Span(f"{words.OK} your copy counts", "role"),))
    if fault:
        told = f"{words.BAD} your copy is not used, the shipped one is: {fault}"
        lines += wrap((said(told, "bad", 400),), width, 2)
    lines.append(BLANK)
    return [*lines, *text_lines(clean(text, limit=200_000), width)]


def text_lines(text: str, width: int) -> list[Line]:
    """Return a text with all its marks, its paragraphs and items joined as Markdown joins them.

    They were broken for an editor of another width; code, tables and headings stay as they are.
    """
    lines: list[Line] = []
    for block in markdown_blocks(text):
        joined = " ".join(block.lines)
        match block.kind:
            case "blank":
                lines.append(BLANK)
            case "heading":
                lines += wrap((Span(f"{'#' * int(block.note)} {joined}", "strong bold"),), width)
            case "item":
                lines += wrap((Span(f"{block.note} {joined}"),), width, len(block.note) + 1)
            case "quote":
                lines += wrap((Span(f"> {joined}"),), width, 2)
            case "rule":
                lines.append((Span("---"),))
            case "code" | "table":
                ink = "code" if block.kind == "code" else "text"
                lines += [part for row in block.lines for part in (wrap((Span(row, ink),), width) or [BLANK])]
            case _:
                lines += wrap((Span(joined),), width)
    return lines
