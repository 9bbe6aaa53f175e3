"""The keys of a workflow's screen, but for those that its widgets share with others."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from tui.pages.card import PANES

WORKFLOW_KEYS: list[BindingType] = [
    Binding("escape", "back", "Back", id="workflow.back", tooltip="Back to the board."),
    Binding("q", "app.pop_screen", "Back", id="workflow.close", tooltip="Back to the board.", show=False),
    Binding("right_square_bracket", "turn(1)", "Next pane", id="pane.next", tooltip="The next pane."),
    Binding("left_square_bracket", "turn(-1)", "Pane before", id="pane.before", tooltip="The pane before."),
    Binding(
        "n",
        "next_need",
        "Next decision",
        id="next",
        tooltip="To the next workflow that needs you, or the next match.",
    ),
    Binding("slash,ctrl+f", "search", "Search", id="search.open", tooltip="Find words in this pane."),
    Binding("N", "match(-1)", "Match before", id="search.before", tooltip="The match before.", show=False),
    Binding("z", "zoom", "Zoom", id="pane.zoom", tooltip="Give the pane the whole width, and back."),
    Binding("full_stop", "stop", "Stop the turn", id="workflow.stop", tooltip="Stop what the role is doing."),
    *(
        Binding(
            str(i),
            f"pane('{name}')",
            name.capitalize(),
            id=f"pane.{name}",
            tooltip=f"Show {name}.",
            show=False,
        )
        for i, name in enumerate(PANES, start=1)
    ),
]
