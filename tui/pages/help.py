"""All keys, and what moves a workflow: generated from the bindings and from the transition table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.machine.states import STATES, StateKind
from core.machine.transitions import TRANSITIONS, Kind, transitions_from
from tui import words
from tui.ink import BLANK, Line, Span, wrap
from tui.pages.parts import bullet, heading

KEYS = 12
"""Cells of the keys; more of them get a line of their own."""
KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


class KeyHelp(NamedTuple):
    """One action: its keys, its name, and what it does."""

    keys: tuple[str, ...]
    name: str
    text: str


def help_page(groups: Sequence[tuple[str, Sequence[KeyHelp]]], width: int) -> list[Line]:
    """Return the keys in groups, then the glyphs, then the twenty-eight moves."""
    lines: list[Line] = []
    for title, keys in groups:
        lines += [*([BLANK] if lines else []), *heading(title, width)]
        for key in keys:
            shown = " ".join(KEY_NAMES.get(k, k) for k in key.keys)
            name = Span(f"{key.name:<18} ", "strong")
            if len(shown) > KEYS:
                lines += wrap((Span(shown, "run bold"),), width)
                shown = ""
            lines += bullet((Span(f"{shown:<{KEYS}} ", "run bold"), name), (Span(key.text, "muted"),), width)
    return [*lines, BLANK, *_glyphs(width), BLANK, *_moves(width)]


def _glyphs(width: int) -> list[Line]:
    rows = (
        (words.OK, "ok", "done, and its evidence counts"),
        (words.RUN, "run", "a role is at work"),
        (words.NEED, "need", "needs you"),
        (words.BAD, "bad", "failed, or not green"),
        (words.STALE, "need", "stale: what it rests on has changed"),
        (words.PAUSED, "muted", "paused"),
        (words.CANCELLED, "muted", "cancelled"),
        (words.FUTURE, "faint", "still to come"),
        (words.FORK, "muted", "a fork of the build that stands behind it"),
        ("▸", "ok", "a gate that was passed"),
        ("▹", "faint", "a gate that is closed"),
    )
    lines = heading("the phase track", width)
    for glyph, ink, text in rows:
        lines.append((Span(f"{glyph:<3}", ink), Span(text, "text")))
    return lines


def _moves(width: int) -> list[Line]:
    lines = heading("what moves a workflow", width, (Span(f"{len(TRANSITIONS)} moves", "muted"),))
    for state, info in STATES.items():
        moves = transitions_from(state)
        if not moves:
            continue
        role = "" if info.kind is StateKind.FINAL else words.actor_name(state.value)
        lines.append((Span(words.state_word(state), "strong bold"), Span(f"  {role}", "role")))
        for move in moves:
            needs = f"  needs {', '.join(n.value for n in move.needs)}" if move.needs else ""
            mark = "→" if move.kind in (Kind.ADVANCE, Kind.ACCEPT) else "↶"
            who = words.SHORT_ROLES[move.actor] if move.actor else "you"
            text = (
                Span(f"{move.kind.value:<9}", "run" if mark == "→" else "need"),
                Span(f"{words.state_word(move.target):<24}", "text"),
                Span(f"{who:<13}", "muted"),
                Span(move.id, "faint"),
                Span(needs, "muted"),
            )
            lines += bullet(Span(f"  {mark} ", "muted"), text, width)
    return lines
