"""One workflow: where it stands, what is being said, and what stands behind it."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import DescendantBlur, DescendantFocus
from textual.widgets import Input, TextArea

from core.board import BoardRow
from core.errors import QdeckError
from core.machine.states import Condition
from core.text import clean
from tui import legal, words
from tui.ink import Span, cut_line, width_of
from tui.journal_link import ONLY_LOOKING
from tui.legal import Standing
from tui.pages.card import PANES, SIDE, composer_words, differs, now_line, page_of, tabs_line, title_line
from tui.pages.notice import notice_of
from tui.pages.parts import with_digests
from tui.pages.story import ribbon
from tui.pages.timeline import line_of_now, seconds_of, timeline
from tui.picture import Picture
from tui.screens.actions import BuildActions
from tui.screens.base import DeckScreen
from tui.screens.board import standing_of
from tui.screens.searching import Searched, Searching
from tui.screens.workflow_keys import WORKFLOW_KEYS
from tui.talk import messages_before
from tui.widgets.bars import Bar, Hint
from tui.widgets.composer import Composer
from tui.widgets.conversation import Conversation
from tui.widgets.lines import Lines
from tui.widgets.side import Pane, Timeline

CHAT = "chat"
"""Named as a pane, it is the text field."""
COLUMN_WIDTH = 120
"""Columns from which the way of the workflow stands at the left; on fewer it is a ribbon on top."""


class WorkflowScreen(Searching, BuildActions, DeckScreen):
    """A workflow and everything that is known of it."""

    CSS_PATH = "workflow.tcss"
    ORDERS = BuildActions.ORDERS | {"stop"}
    BINDINGS = WORKFLOW_KEYS

    def __init__(self, workflow_id: str, pane: str = "") -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self._pane = pane if pane in SIDE else "plan"
        self._side = pane in SIDE
        self._to_chat = pane == CHAT
        self.picture: Picture | None = None
        self._stopped = ""

    def content(self) -> ComposeResult:
        """Title, ribbon, notice, the panes, and where the user writes."""
        yield Bar(id="title")
        yield Lines(id="ribbon")
        yield Lines(id="notice")
        yield Bar(id="tabs")
        with Horizontal(id="panes"):
            yield Timeline(id="timeline")
            yield Conversation(id="talk")
            yield Pane(id="side")
        yield Composer(id="composer")

    def on_mount(self) -> None:
        """Follow this workflow as long as it is shown."""
        self.set_class(self._side, "-side")
        self._show_title()
        self._show_tabs()
        composer = self.query_one("#composer", Composer)
        composer.resume(self.deck.remembered.drafts.get(self._workflow_id, ()))
        self.deck.rewatch()
        if self._to_chat:
            composer.remembers(self.deck.remembered.sent)
            composer.focus()
        else:
            (self._side_page() if self._side else self._conversation()).focus()

    def on_screen_resume(self) -> None:
        """Follow it again after another screen was on top."""
        self.deck.rewatch()

    def on_resize(self) -> None:
        """The tabs differ with the width, and the way of the workflow finds room at the left or on top."""
        self.set_class(self.size.width >= COLUMN_WIDTH, "-column")
        self.call_after_refresh(self._show_all)

    # --- what the app tells it

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    def workflow_id(self) -> str:
        """The workflow that is shown."""
        return self._workflow_id

    def take_picture(self, picture: Picture) -> None:
        """Show how things stand now."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        old, self.picture = self.picture, picture
        view = picture.view
        self._conversation().update_messages(picture.messages, picture.earlier)
        text = "".join(chunk.text for chunk in picture.stream).lstrip("\n")
        last = picture.stream[-1] if picture.stream else None
        self._conversation().update_stream(
            view.role.value, last.attempt_id if last else view.attempt_id, text, last.at if last else None
        )
        if old is None or differs(old, picture):
            self._show_all()
            self._show_side(top=old is None)
        elif old.view is not view:
            self._show_title()
            self._show_tabs()
            self._show_notice()

    def standing(self) -> Standing | None:
        """How the workflow stands, from the picture or from the board."""
        if self.picture:
            view = self.picture.view
            return Standing(view.build_id, view.state, view.condition, view.waiting_for)
        row = self._row()
        return standing_of(row) if row else None

    def hints(self) -> Sequence[Hint]:
        """The keys that work here."""
        if isinstance(self.focused, Input):
            return (Hint("enter", "keep it"), Hint("esc", "forget it"))
        if isinstance(self.focused, Composer):
            esc = "stop the turn" if self.stops_turn() else "leave the text"
            held = self.focused.pieces and not self.focused.text
            away = (Hint("backspace", "take the paste away"),) if held else ()
            if self.focused.undoes_paste:
                away = (*away, Hint("ctrl+z", "bring it back"))
            on = (
                (Hint("f8", "next", "app.next_need"),) if self.deck.needs_elsewhere(self._workflow_id) else ()
            )
            return (Hint("enter", "send"), Hint("ctrl+j", "new line"), *away, Hint("esc", esc), *on)
        standing = self.standing()

        def hint(key: str, label: str, action: str, short: str = "") -> Hint:
            return Hint(key, label, f"screen.{action}", not self.can(action), short)

        return (
            hint("a", self.approve_word, "approve"),
            hint("r", "retry", "retry"),
            hint("b", "roll back", "rollback", "back"),
            hint("c", "chat", "chat"),
            Hint("[ ]", "panes", "screen.turn(1)"),
            Hint("esc", "board", "screen.back"),
            hint("p", legal.pause_word(standing), "pause"),
            hint("x", "cancel", "cancel"),
            Hint("z", "zoom", "screen.zoom"),
            Hint("/", "search", "screen.search"),
            Hint("o", "tools"),
            Hint("y", "copy", "screen.copy"),
            Hint(".", "stop", "screen.stop", standing is None or not at_work(standing)),
            Hint("n", "next", "screen.next_need"),
        )

    @property
    def pane(self) -> str:
        """The pane in front: the one that has the focus, or had it last."""
        return self._pane if self._side else "talk"

    # --- drawing

    def _conversation(self) -> Conversation:
        return self.query_one("#talk", Conversation)

    def _side_page(self) -> Pane:
        return self.query_one("#side", Pane)

    def _row(self) -> BoardRow | None:
        return self.deck.board.board.model.rows.get(self._workflow_id)

    def tick(self) -> None:
        """Draw anew what a second has changed."""
        if self.picture:
            self._show_title()
            if not legal_over(self.standing()):
                self._show_way()
        super().tick()

    def ages(self) -> tuple[str, ...]:
        """Those of receipts and packets and how long attempts take, which the panes at the side show."""
        picture, now = self.picture, self.deck.now()
        if picture is None or not (self._side or self.has_class("-wide")):
            return ()
        if self._pane in ("cost", "events"):
            return tuple(words.duration(seconds_of(a, now)) for a in picture.attempts if a.ended_at is None)
        times = [*(receipt.at for receipt in picture.receipts), *(h.at for h in picture.handoffs)]
        return words.ages(times, now)

    def show_ages(self) -> None:
        """Draw the pane anew, where it was read."""
        self._show_side()

    def _show_all(self) -> None:
        if not self.is_attached:
            return
        self._show_title()
        self._show_way()
        self._show_notice()
        self._show_composer()
        self._show_tabs()
        self.refresh_hints()

    def _show_title(self) -> None:
        row = self._row()
        bar = self.query_one("#title", Bar)
        if self.picture is None:
            name = clean(row.title, lines=False) if row else ""
            bar.show((Span(row.build_id if row else "", "muted"), Span("  "), Span(name, "strong bold")))
            return
        bar.show(*title_line(self.picture, self.deck.now(), wide=self.has_class("-wide")))

    def _show_way(self) -> None:
        """Draw the phases where there is room for them."""
        picture, now = self.picture, self.deck.now()
        if picture is None:
            return
        if self.has_class("-column") and not self.has_class("-zoom"):
            column = self.query_one("#timeline", Timeline)
            column.tell(lambda width: timeline(picture, width, now), line_of_now(picture, now))
        else:
            self.query_one("#ribbon", Lines).show(lambda width: ribbon(picture, width, now))

    def _show_notice(self) -> None:
        notice = self.query_one("#notice", Lines)
        narrow, dim = not self.has_class("-wide"), bool(self.refusal("pause"))
        build = notice_of(self.picture, narrow=narrow, dim=dim) if self.picture else None
        notice.set_class(build is not None, "-shown")
        if build:
            notice.show(build)

    def _show_tabs(self) -> None:
        wide = self.has_class("-wide")
        shown = self._pane if wide or self._side else "talk"
        room = self.size.width - 4
        tabs, bar = tabs_line(shown, wide=wide, room=room), self.query_one("#tabs", Bar)
        if found := self.match_line():
            # Both do not fit at 80 columns; the numbers of the other panes work all the same.
            bar.show(tabs if wide else tabs_line(shown, wide=False, alone=True), found)
            return
        now = now_line(self.picture) if self.picture and wide else ()
        # What happens this second gives way to the tabs, never the other way round.
        bar.show(tabs, cut_line(now, max(0, self.size.width - width_of(tabs) - 6)))

    def _show_side(self, *, top: bool = False) -> None:
        picture = self.picture
        if picture is None:
            return
        self._side_page().show(page_of(self._pane, picture, self.deck.now()), top=top)

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _composer_focus(self) -> None:
        self._show_composer()

    def _show_composer(self) -> None:
        composer, standing = self.query_one("#composer", Composer), self.standing()
        if self.picture is None or standing is None:
            return
        composer.disabled = standing.over or self.deck.options.read_only
        address, told = composer_words(self.picture, standing, writing=composer.has_focus)
        composer.placeholder = ONLY_LOOKING if self.deck.options.read_only else told
        composer.address(address)

    # --- keys

    def show_pane(self, pane: str) -> None:
        """Bring a pane to the front and focus it."""
        if pane == CHAT:
            self.call_later(self.action_chat)
            return
        if pane in SIDE:
            changed = pane != self._pane
            self._pane, self._side = pane, True
            self._show_side(top=changed)
        elif pane == "talk":
            self._side = False
        else:
            return
        self.set_class(self._side, "-side")
        self._show_tabs()
        (self._side_page() if self._side else self._conversation()).focus()

    def action_pane(self, pane: str) -> None:
        """Show a pane."""
        self.show_pane(pane)

    def action_turn(self, step: int) -> None:
        """To the next pane, or the one before."""
        self.show_pane(PANES[(PANES.index(self.pane) + step) % len(PANES)])

    def action_zoom(self) -> None:
        """Give the focused pane the whole width, or share it again."""
        self.toggle_class("-zoom")
        self._show_way()

    def action_toggle_entry(self, key: str) -> None:
        """Open or fold a tool call."""
        self._conversation().toggle(key)

    def action_chat(self) -> None:
        """Write to the role at work."""
        if self._may("chat"):
            if self._side and not self.has_class("-wide"):
                self.show_pane("talk")
            composer = self.query_one("#composer", Composer)
            if self.picture and not composer.files():
                self.run_worker(self.deck.know_files(composer, self.picture.view.project_id), group="files")
            composer.remembers(self.deck.remembered.sent)
            composer.focus()

    def on_composer_sent(self, event: Composer.Sent) -> None:
        """Hand the words over; where nobody takes them they stay."""
        if why := self.refusal("chat"):
            self.deck.tell(why, bad=True)
            event.composer.take_back(event.text)
            return
        self.deck.remembered.draft(self._workflow_id, [])
        self.deck.say(self._workflow_id, event.text)
        self.deck.remember()

    @on(TextArea.Changed)
    @on(Composer.Weighed)
    def _written(self) -> None:
        """It is there again when the user comes back; what escape does depends on it too."""
        written = self.query_one("#composer", Composer).written
        self.deck.remembered.draft(self._workflow_id, written)
        self.refresh_hints()

    def stops_turn(self) -> bool:
        """Whether escape in the text field stops the role's turn: nothing is written, and it is at work.

        A turn that was asked to stop already is not asked again, so that the next escape leads out.
        """
        standing, picture = self.standing(), self.picture
        if standing is None or picture is None or not self.query_one("#composer", Composer).empty:
            return False
        return at_work(standing) and picture.view.attempt_id != self._stopped

    def on_composer_left(self) -> None:
        """Stop the role's turn, or go back to the conversation; what was written stays."""
        if self.stops_turn():
            self.action_stop()
        else:
            self._conversation().focus()
        self.refresh_hints()

    def action_back(self) -> None:
        """Out of a search, then to the board."""
        if not self.end_search():
            self.deck.pop_screen()

    def action_stop(self) -> None:
        """Stop what the role is saying or doing."""
        standing = self.standing()
        if standing is None or not at_work(standing):
            self.deck.tell("No role is at work here right now.")
            return
        self._stopped = self.picture.view.attempt_id if self.picture else ""
        self.deck.stop_turn(self._workflow_id, words.actor_name(standing.state))

    # --- reading back

    def on_conversation_earlier(self, event: Conversation.Earlier) -> None:
        """Read what was said before, in the journal's thread."""
        self.run_worker(self._read_earlier(event.before), group="earlier")

    async def _read_earlier(self, before: int) -> None:
        talk = self._conversation()
        try:
            messages, earlier = await self.deck.link.ask(
                lambda service: messages_before(service, self._workflow_id, before)
            )
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            talk.not_read()
            return
        if talk.is_attached:
            talk.update_earlier(messages, before, earlier)

    def on_conversation_searched(self) -> None:
        """Say how much was found by now."""
        self.on_found()

    # --- finding and copying

    def searched(self) -> Searched:
        """The pane that has the focus, or had it last."""
        return self._side_page() if self._side else self._conversation()

    def copied(self) -> str:
        """What is found or shown, with whole digests."""
        return with_digests(super().copied(), self.picture.receipts if self.picture else ())

    def give_focus(self) -> None:
        """Back to the pane."""
        (self._side_page() if self._side else self._conversation()).focus()

    def on_found(self) -> None:
        """How many matches there are stands where else it says what happens."""
        self._show_tabs()

    def action_next_need(self) -> None:
        """Open the next workflow that needs the user; go to the next match while something is sought."""
        if self.searched().found.needle:
            self.action_match(1)
            return
        self.deck.action_next_need()

    def go_on_to(self, workflow_id: str) -> None:
        """Show another workflow in place of this one."""
        self.deck.switch_screen(WorkflowScreen(workflow_id))


def at_work(standing: Standing) -> bool:
    """Say whether a role is at work."""
    return standing.condition is Condition.ACTIVE and not standing.over


def legal_over(standing: Standing | None) -> bool:
    """Say whether nothing can happen any more."""
    return standing is not None and standing.over
