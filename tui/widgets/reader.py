"""A page that can be searched: every match marked, the one that one is at in the middle."""

from __future__ import annotations

from textual.strip import Strip

from tui.ink import plain
from tui.search import Found, find, marked
from tui.widgets.page import Builder, Page


class Reader(Page):
    """Lines to read and to look through."""

    def __init__(self, build: Builder | None = None, *, id: str | None = None) -> None:
        super().__init__(build, id=id)
        self.found = Found()
        self._at = -1
        self._texts: list[str] | None = None

    def show(self, build: Builder, *, top: bool = False) -> None:
        """Show other content; what is looked for is looked for in it too."""
        self._texts = None
        super().show(build, top=top)
        if top:
            self._at = -1
        if self.found.needle:
            self.found = find(self.found.needle, self._all_texts())

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line with its matches."""
        if not self.found.needle or not 0 <= y < len(self.lines):
            return super().line_strip(y, width)
        ground = "cursor" if y == self._at else ""
        return self.strip(marked(self.lines[y], self.found.needle), width, ground)

    def on_resize(self) -> None:
        """Other breaks make other lines."""
        super().on_resize()
        self._texts = None
        if self.found.needle:
            self.found = find(self.found.needle, self._all_texts())

    def _all_texts(self) -> list[str]:
        if self._texts is None:
            self._texts = ["".join(span.text for span in line) for line in self.lines]
        return self._texts

    def search(self, needle: str) -> Found:
        """Mark `needle`, and go to the first match from what is seen on."""
        self.found = find(needle, self._all_texts())
        self._at = self.scroll_offset.y - 1
        if self.found.lines:
            self.seek(1)
        self.refresh()
        return self.found

    def seek(self, step: int) -> None:
        """Go to the next match, or the one before."""
        line = self.found.next(self._at, step)
        if line is None:
            return
        self._at = line
        height = max(1, self.scrollable_content_region.height)
        self.scroll_to(y=max(0, line - height // 2), animate=False, immediate=True)
        self.refresh()

    def copied(self) -> str:
        """The line that was found; while nothing is sought all lines."""
        found = self.lines[self._at : self._at + 1] if self.found.lines and self._at >= 0 else self.lines
        return plain(found)

    @property
    def line(self) -> int:
        """The line that a search counts from."""
        return self._at
