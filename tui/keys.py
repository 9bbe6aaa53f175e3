"""The keys that several widgets share. Each has an id, so that users can give it another key, a
description and a tooltip; help, the hint line and the palette read them from here."""

from __future__ import annotations

from textual.binding import Binding, BindingType

MOVE_KEYS: list[BindingType] = [
    Binding("down,j", "down", "Down", id="move.down", tooltip="One line down.", show=False),
    Binding("up,k", "up", "Up", id="move.up", tooltip="One line up.", show=False),
    Binding("pagedown", "page(1)", "Page down", id="move.page_down", tooltip="A page down.", show=False),
    Binding("pageup", "page(-1)", "Page up", id="move.page_up", tooltip="A page up.", show=False),
    Binding(
        "ctrl+d", "half(1)", "Half a page down", id="move.half_down", tooltip="Half a page down.", show=False
    ),
    Binding("ctrl+u", "half(-1)", "Half a page up", id="move.half_up", tooltip="Half a page up.", show=False),
    Binding("home,g", "top", "To the top", id="move.top", tooltip="To the first line.", show=False),
    Binding("end,G", "bottom", "To the end", id="move.bottom", tooltip="To the last line.", show=False),
]
"""Arrow keys and their vim twins."""

COPY_KEY = Binding("y", "screen.copy", "Copy", id="copy", tooltip="Copy what is selected, found or chosen.")
"""For whatever shows text."""

BUILD_KEYS: list[BindingType] = [
    Binding(
        "a",
        "screen.approve",
        "Approve",
        id="build.approve",
        tooltip="Look at what waits for your yes, and give it.",
    ),
    Binding(
        "r",
        "screen.retry",
        "Retry",
        id="build.retry",
        tooltip="Send the work back to an earlier phase, with a reason.",
    ),
    Binding(
        "b",
        "screen.rollback",
        "Roll back",
        id="build.rollback",
        tooltip="Go back to an earlier phase and restore its files.",
    ),
    Binding("p", "screen.pause", "Pause", id="build.pause", tooltip="Pause the workflow, or let it go on."),
    Binding("x", "screen.cancel", "Cancel", id="build.cancel", tooltip="Cancel the workflow for good."),
    Binding("c", "screen.chat", "Chat", id="build.chat", tooltip="Talk to the role at work."),
    Binding("d", "screen.diff", "Diff", id="build.diff", tooltip="What changed since the base."),
    Binding(
        "e",
        "screen.evidence",
        "Evidence",
        id="build.evidence",
        tooltip="What ran, what it proves, and whether it still counts.",
    ),
    Binding(
        "h",
        "screen.history",
        "History",
        id="build.history",
        tooltip="Go through everything that happened, and see it as it was.",
    ),
    Binding("s", "screen.statistics", "Statistics", id="statistics", tooltip="Figures over all workflows."),
]
"""What can be done with a workflow. Bound on the board and on the panes of a workflow, never on a
composer or a screen: a letter typed into a text field cannot reach them."""
