"""The page of a decision, with the keys that answer it: in its focus and nowhere else do they count."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.keys import MOVE_KEYS
from tui.widgets.reader import Reader


class DecisionPage(Reader):
    """The page that a yes is given on; only here do the keys count."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        Binding("a", "screen.yes", "Approve", id="decision.approve", tooltip="Give your yes."),
        Binding("r", "screen.retry", "Retry", id="decision.retry", tooltip="Send it back with a reason."),
        Binding(
            "b", "screen.rollback", "Roll back", id="decision.rollback", tooltip="Go back and restore files."
        ),
        Binding("m", "screen.more", "More budget", id="decision.more", tooltip="Raise the budget and go on."),
        Binding(
            "x", "screen.cancel", "Cancel", id="decision.cancel", tooltip="Cancel the workflow for good."
        ),
        Binding("c", "screen.chat", "Talk", id="decision.chat", tooltip="Talk about it."),
        Binding(
            "o",
            "screen.override",
            "Override",
            id="decision.override",
            tooltip="Let red evidence count, loudly.",
        ),
        Binding(
            "s",
            "screen.grant",
            "Grant",
            id="decision.grant",
            tooltip="Grant the deploy command secrets and hosts.",
        ),
        Binding("h", "screen.history", "History", id="decision.history", tooltip="See how it came to this."),
        *(
            Binding(
                str(n),
                f"screen.answer({n})",
                f"Question {n}",
                id=f"decision.answer.{n}",
                tooltip="Say yes or no to a single finding.",
                show=False,
            )
            for n in range(1, 10)
        ),
        Binding("d", "screen.diff", "Diff", id="decision.diff", tooltip="See the whole diff."),
        Binding("e", "screen.evidence", "Evidence", id="decision.evidence", tooltip="See all evidence."),
    ]
