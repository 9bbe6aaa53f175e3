"""One workflow: where it stands, what is being said, and what stands behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from core.board import BoardRow
from core.machine.states import Condition, State
from core.text import clean
from tui import legal, words
from tui.ink import Line, Span, said
from tui.keys import BUILD_KEYS
from tui.legal import Standing
from tui.pages.diff import diff_page
from tui.pages.evidence import evidence_page
from tui.pages.notice import notice_of
from tui.pages.plan import plan_page
from tui.pages.story import events_page, handoffs_page, ribbon
from tui.picture import Picture
from tui.screens.actions import BuildActions
from tui.screens.base import DeckScreen
from tui.screens.board import standing_of
from tui.widgets.bars import Bar, Hint
from tui.widgets.composer import Composer
from tui.widgets.conversation import Conversation
from tui.widgets.lines import Lines
from tui.widgets.page import Page

PANES = ("talk", "plan", "diff", "evidence", "handoffs", "events")
SIDE = PANES[1:]
CHAT = "chat"
"""Named as a pane, it is the text field."""
STOP_SECONDS = 2.0
"""How long a second escape stops the role's turn."""


class Pane(Page):
    """The side of the screen: plan, diff, evidence, handoffs or events."""

    BINDINGS: list[BindingType] = [*BUILD_KEYS]  # noqa: RUF012 - Textual's own form


class WorkflowScreen(BuildActions, DeckScreen):
    """A workflow and everything that is known of it."""

    CSS_PATH = "workflow.tcss"
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("escape", "back", "Back", id="workflow.back", tooltip="Back to the board."),
        Binding("q", "app.pop_screen", "Back", id="workflow.close", tooltip="Back to the board.", show=False),
        Binding("right_square_bracket", "turn(1)", "Next pane", id="pane.next", tooltip="The next pane."),
        Binding(
            "left_square_bracket", "turn(-1)", "Pane before", id="pane.before", tooltip="The pane before."
        ),
        Binding(
            "n", "next_need", "Next decision", id="next", tooltip="Go to the next workflow that needs you."
        ),
        Binding("z", "zoom", "Zoom", id="pane.zoom", tooltip="Give the pane the whole width, and back."),
        Binding(
            "full_stop", "stop", "Stop the turn", id="workflow.stop", tooltip="Stop what the role is doing."
        ),
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

    def __init__(self, workflow_id: str, pane: str = "") -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self._pane = pane if pane in SIDE else "plan"
        self._side = pane in SIDE
        self._to_chat = pane == CHAT
        self.picture: Picture | None = None
        self.stop_until = 0.0

    def content(self) -> ComposeResult:
        """Title, ribbon, notice, the panes, and where the user writes."""
        yield Bar(id="title")
        yield Lines(id="ribbon")
        yield Lines(id="notice")
        yield Bar(id="tabs")
        with Horizontal(id="panes"):
            yield Conversation(id="talk")
            yield Pane(id="side")
        yield Composer(id="composer")

    def on_mount(self) -> None:
        """Follow this workflow as long as it is shown."""
        self.set_class(self._side, "-side")
        self._show_title()
        self._show_tabs()
        self.set_interval(1.0, self._tick)
        self.deck.rewatch()
        if self._to_chat:
            self.query_one("#composer", Composer).focus()
        else:
            (self._side_page() if self._side else self._conversation()).focus()

    def on_screen_resume(self) -> None:
        """Follow it again after another screen was on top."""
        self.deck.rewatch()

    def on_resize(self) -> None:
        """The tabs differ with the width."""
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
        self._conversation().update_messages(picture.messages)
        text = "".join(chunk.text for chunk in picture.stream)
        last = picture.stream[-1] if picture.stream else None
        self._conversation().update_stream(
            view.role.value, last.attempt_id if last else view.attempt_id, text, last.at if last else None
        )
        if old is None or _differs(old, picture):
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
        if isinstance(self.focused, Composer):
            return (Hint("enter", "send"), Hint("ctrl+j", "new line"), Hint("esc", "leave the text"))
        standing, opened = self.standing(), self.deck.journal_open

        def hint(key: str, label: str, action: str) -> Hint:
            return Hint(key, label, f"screen.{action}", bool(legal.why_not(action, standing, opened=opened)))

        return (
            hint("a", "approve", "approve"),
            hint("r", "retry", "retry"),
            hint("b", "roll back", "rollback"),
            hint("c", "chat", "chat"),
            Hint("[ ]", "panes", "screen.turn(1)"),
            Hint("esc", "board", "screen.back"),
            hint("p", legal.pause_word(standing), "pause"),
            hint("x", "cancel", "cancel"),
            Hint("z", "zoom", "screen.zoom"),
            Hint("o", "tools"),
            Hint(".", "stop", "screen.stop"),
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

    def _tick(self) -> None:
        if self.is_current and self.picture:
            self._show_title()
            if not legal_over(self.standing()):
                self._show_ribbon()

    def _show_all(self) -> None:
        if not self.is_attached:
            return
        self._show_title()
        self._show_ribbon()
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
        view = self.picture.view
        end = view.completed_at.timestamp() if view.completed_at else self.deck.now()
        facts = (
            clean(view.project_name, lines=False, limit=40),
            view.autonomy.value,
            words.spent(view.cost_usd, view.budget_usd),
            words.duration(end - view.created_at.timestamp()),
        )
        # On a narrow screen the title is worth more than where it belongs.
        facts = facts if self.has_class("-wide") else facts[2:]
        bar.show(
            (Span(view.build_id, "muted"), Span("  "), said(view.title, "strong bold")),
            (Span(" · ".join(f for f in facts if f), "muted"),),
        )

    def _show_ribbon(self) -> None:
        picture = self.picture
        if picture:
            now = self.deck.now()
            self.query_one("#ribbon", Lines).show(lambda width: ribbon(picture, width, now))

    def _show_notice(self) -> None:
        notice = self.query_one("#notice", Lines)
        build = notice_of(self.picture, narrow=not self.has_class("-wide")) if self.picture else None
        notice.set_class(build is not None, "-shown")
        if build:
            notice.show(build)

    def _show_tabs(self) -> None:
        wide = self.has_class("-wide")
        shown = self._pane if wide or self._side else "talk"
        spans: list[Span] = []
        for i, name in enumerate(PANES, start=1):
            active = name == shown or (wide and name == "talk")
            spans += [Span("   ")] * bool(spans)
            spans.append(Span(f"{i} ", "run bold" if active else "faint", f"screen.pane('{name}')"))
            spans.append(
                Span(name, "strong bold underline" if name == shown else "muted", f"screen.pane('{name}')")
            )
        self.query_one("#tabs", Bar).show(tuple(spans), self._now_line())

    def _now_line(self) -> Line:
        """What happens this second; on a narrow screen the tabs need the line for themselves."""
        if self.picture is None or not self.has_class("-wide"):
            return ()
        view = self.picture.view
        if view.condition is not Condition.ACTIVE or view.state is State.COMPLETE:
            return ()
        text = clean(view.activity, lines=False, limit=200)
        return (
            Span(words.RUN, "run"),
            Span(f" {text or words.ROLE_NAMES[view.role] + ' is at work'}", "text"),
        )

    def _show_side(self, *, top: bool = False) -> None:
        picture = self.picture
        if picture is None:
            return
        now = self.deck.now()
        pages: dict[str, Callable[[int], list[Line]]] = {
            "plan": lambda width: plan_page(picture, width),
            "diff": lambda width: diff_page(picture, width),
            "evidence": lambda width: evidence_page(picture, width, now),
            "handoffs": lambda width: handoffs_page(picture, width, now),
            "events": lambda width: events_page(picture, width, now),
        }
        self._side_page().show(pages[self._pane], top=top)

    def _show_composer(self) -> None:
        composer, standing = self.query_one("#composer", Composer), self.standing()
        if self.picture is None or standing is None:
            return
        role = words.ROLE_NAMES[self.picture.view.role]
        over = legal_over(standing)
        composer.disabled = over
        composer.address(f"{standing.build_id} is over" if over else f"to the {role}")
        if over:
            composer.placeholder = ""
        elif standing.condition is Condition.WAITING and standing.waiting_for == "answer":
            composer.placeholder = "press c and write your answer: it goes on with it"
        elif standing.condition is Condition.WAITING:
            composer.placeholder = "press c to talk about it before you decide"
        else:
            composer.placeholder = "press c and write: it is taken up at the next step"

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

    def action_toggle_entry(self, key: str) -> None:
        """Open or fold a tool call."""
        self._conversation().toggle(key)

    def action_chat(self) -> None:
        """Write to the role at work."""
        if self._may("chat"):
            if self._side and not self.has_class("-wide"):
                self.show_pane("talk")
            self.query_one("#composer", Composer).focus()

    def on_composer_sent(self, event: Composer.Sent) -> None:
        """Hand the words over."""
        self.deck.say(self._workflow_id, event.text)

    def on_composer_left(self) -> None:
        """Back to the conversation; a second escape soon after stops the role's turn."""
        self._conversation().focus()
        standing = self.standing()
        if standing and standing.condition is Condition.ACTIVE and not standing.over:
            self.stop_until = time.monotonic() + STOP_SECONDS
            self.deck.tell(f"esc again stops the {words.actor_name(standing.state)}.")

    def action_back(self) -> None:
        """To the board, or, right after leaving the text, stop the role's turn."""
        if time.monotonic() < self.stop_until:
            self.stop_until = 0.0
            self.action_stop()
            return
        self.deck.pop_screen()

    def action_stop(self) -> None:
        """Stop what the role is saying or doing."""
        standing = self.standing()
        if standing is None or standing.condition is not Condition.ACTIVE or standing.over:
            self.deck.tell("No role is at work here right now.")
            return
        self.deck.stop_turn(self._workflow_id, words.actor_name(standing.state))

    def action_next_need(self) -> None:
        """Open the next workflow that needs the user."""
        found = self.deck.board.board.model.next_that_needs(self._workflow_id)
        if found and found != self._workflow_id:
            self.deck.switch_screen(WorkflowScreen(found))
        else:
            self.deck.tell("Nothing else needs you right now.")


def legal_over(standing: Standing | None) -> bool:
    """Say whether nothing can happen any more."""
    return standing is not None and standing.over


def _differs(old: Picture, new: Picture) -> bool:
    """Whether anything but the conversation changed."""
    if any(getattr(old.view, name) != getattr(new.view, name) for name in _STANDING):
        return True
    # Each is read anew with the whole picture only, so that most of the time it is the same object.
    return any(
        (before := getattr(old, name)) is not (after := getattr(new, name)) and before != after
        for name in ("attempts", "receipts", "handoffs", "checkpoints", "events", "diff")
    )


_STANDING = ("version", "condition", "waiting_for", "reason", "evidence", "tests", "budget_usd")
