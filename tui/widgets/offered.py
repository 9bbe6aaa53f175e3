"""What can be meant by a name that is being written: a short list above the text field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.ink import said
from tui.widgets.picker import Option, Picker

MOST = 6
"""Names that are offered at once."""


class Offered(Picker):
    """The names that fit, the nearest under the cursor. The keys stay with the field; a click takes one."""

    can_focus = False
    CLICKS = 1
    DEFAULT_CSS = """
    Offered { height: auto; max-height: 6; display: none; margin: 0 2; background: $panel; }
    Offered.-open { display: block; }
    """

    def __init__(self, taken: Callable[[str], None]) -> None:
        super().__init__()
        self._taken = taken

    @property
    def is_open(self) -> bool:
        """Whether there is something to take."""
        return self.has_class("-open")

    def show(self, names: Sequence[str]) -> None:
        """Offer these names; none closes the list."""
        self.offer([Option(name, (said(name, "text", 200),)) for name in names[:MOST]])
        self.move_to(0)
        self.set_class(bool(names), "-open")

    def take(self) -> None:
        """Hand the name under the cursor over."""
        if self.option is not None:
            self._taken(self.option.value)
