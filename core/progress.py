"""How far long work has come, and whether it should stop. One thread works, another looks and says stop."""

from __future__ import annotations

from core.errors import QdeckError


class Stopped(QdeckError):
    """Somebody gave the work up; nothing of it is left behind."""

    def __init__(self) -> None:
        super().__init__("It was given up, and nothing of it is left.")


class Progress:
    """Counts what is done of so much. `of` is 0 until it is known how much there is."""

    def __init__(self) -> None:
        self.done = 0
        self.of = 0
        self._stop = False

    def expect(self, count: int) -> None:
        """There are so many more things to do."""
        self.of += count

    def step(self, count: int = 1) -> None:
        """So many things more are done. Raises Stopped when somebody has said stop."""
        if self._stop:
            raise Stopped
        self.done += count

    def stop(self) -> None:
        """Have the work end at its next step."""
        self._stop = True
