"""The line to the Q Assistant below the board: a request that is written there starts a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import legal

if TYPE_CHECKING:
    from tui.screens.base import DeckScreen
    from tui.widgets.composer import Composer

    _Base = DeckScreen
else:
    _Base = object


class Assistant(_Base):
    """What the board does with the composer, which is made when it is opened first."""

    def give_focus(self) -> None:
        """Let keys be keys again, once nothing is written any more."""
        raise NotImplementedError

    async def action_chat(self) -> None:
        """Write to the Q Assistant, who starts a workflow from it.

        Also while the journal is being opened: what is typed next are words, and must not run as keys.
        """
        from tui.widgets.composer import Composer
        from tui.widgets.request import LONGEST_REQUEST

        if not self.query(Composer):
            composer = Composer(
                placeholder="What should be built? enter starts it, ctrl+j makes a new line, esc leaves.",
                id="composer",
            )
            composer.takes = "A request", LONGEST_REQUEST
            await self.mount(composer, before="#prompt")
            composer.resume(self.deck.remembered.drafts.get("", ()))
        name = self.deck.project_name or "no project yet"
        composer = self.query_one("#composer", Composer)
        composer.address(f"to the Q Assistant · {name}")
        composer.remembers(self.deck.remembered.sent)
        composer.display = True
        self.run_worker(self.deck.know_files(composer), group="files")
        self.query_one("#prompt").display = False
        composer.focus()

    def on_text_area_changed(self) -> None:
        """What is not sent is there again at the next start."""
        from tui.widgets.composer import Composer

        for composer in self.query("#composer").results(Composer):
            self.deck.remembered.draft("", composer.written)

    def on_composer_left(self) -> None:
        """Give the line back to the prompt; what was written stays."""
        self.close_composer()

    def on_composer_sent(self, event: Composer.Sent) -> None:
        """Start a workflow from what was written; while the journal is being opened the words stay."""
        if not self.deck.journal_open:
            self.deck.tell(self.deck.trouble or legal.OPENING)
            self.give_back(event.text)
            return
        self.close_composer()
        self.deck.start_workflow(event.text)
        self.deck.remember()

    def give_back(self, text: str) -> None:
        """Put words that started nothing where they were written, unless there are new ones."""
        from tui.widgets.composer import Composer

        for composer in self.query("#composer").results(Composer):
            if composer.empty:
                composer.take_back(text)

    def close_composer(self) -> None:
        """Give the line back to the prompt; what was written stays."""
        for composer in self.query("#composer"):
            composer.display = False
        self.query_one("#prompt").display = True
        self.give_focus()
