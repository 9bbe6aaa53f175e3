"""What screens share whose questions take their time: it is shown how far they have come, and escape ends
them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from core.errors import QdeckError
from core.progress import Progress, Stopped
from tui import words
from tui.ink import Line, Span

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from tui.screens.base import DeckScreen

    _Base = DeckScreen
else:
    _Base = object

LOOK = 0.1
"""Seconds between two looks at how far the work has come."""
T = TypeVar("T")


class LongWork(_Base):
    """A screen that puts long questions, one at a time. `show_work` draws what `work_line` says."""

    _progress: Progress | None = None
    _work = ""

    def show_work(self) -> None:
        """Draw how far the work has come, or that there is none any more."""
        raise NotImplementedError

    @property
    def working(self) -> bool:
        """Whether something is under way that can be given up."""
        return self._progress is not None

    def work_line(self) -> Line:
        """Return what is done and how far it has come; nothing when nothing is."""
        progress = self._progress
        if progress is None:
            return ()
        share = f"{100 * progress.done // progress.of} %, " if progress.of else ""
        told, link = f"{words.RUN} {self._work}, {share}", "screen.leave"
        return (Span(told, "run"), Span("esc", "run bold", link), Span(" stops", "run", link))

    def stop_work(self) -> bool:
        """Have what is under way end; False when nothing is."""
        if self._progress is None:
            return False
        self._progress.stop()
        return True

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        self.stop_work()

    async def _work_on(
        self, work: str, question: Callable[[OrchestrationService, Progress], Awaitable[T]]
    ) -> T | None:
        """Put a question that takes its time; None when it was given up, or there is no answer."""
        progress = Progress()
        self._progress, self._work = progress, work
        looking = self.set_interval(LOOK, self.show_work)
        self.show_work()
        try:
            return await self.deck.link.ask(lambda service: question(service, progress))
        except Stopped as error:
            self.deck.tell(str(error))
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
        finally:
            # Whoever waited may have turned to another question: the thread must not go on with this one.
            progress.stop()
            looking.stop()
            if self._progress is progress:
                self._progress = None
                self.show_work()
        return None
