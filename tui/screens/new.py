"""A new build: where, what, and how much may happen by itself. Says at once what cannot work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from core.errors import QdeckError
from core.machine.states import Autonomy, Role
from core.text import clean
from tui import words
from tui.ink import Line, Span, cut_line, said, wrap
from tui.projects import Look, ask_branch, look_at, tilde
from tui.screens.base import DeckScreen
from tui.widgets.bars import Bar, Hint
from tui.widgets.composer import Composer
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker

AUTONOMIES: tuple[tuple[Autonomy, str], ...] = (
    (Autonomy.GATED, "asks you at the gates"),
    (Autonomy.MANUAL, "asks you at every step"),
    (Autonomy.AUTO, "asks only when it is stuck"),
)


_LOOK_ROWS = 2
_NO_MODEL = "openai/gpt-5, ollama/qwen3 …"
W = TypeVar("W", bound=Widget)


def _titled(title: str, field: W) -> W:
    """Give the field a title in its border."""
    field.border_title = title
    return field


class Request(Composer):
    """The request, in as many lines as it takes; enter makes a new line here."""

    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("enter", "newline", "New line", id="request.newline", tooltip="A new line of the request."),
    ]


class Autonomies(Picker):
    """How much moves without a person."""


class NewScreen(DeckScreen):
    """Describe a build and start it."""

    CSS_PATH = "new.tcss"
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("ctrl+s,f10", "start", "Start", id="new.start", tooltip="Start the build.", priority=True),
        Binding("escape", "app.pop_screen", "Not now", id="new.leave", tooltip="Leave without starting."),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.look = Look(None)
        self._trouble = ""
        self._starting = False

    def content(self) -> ComposeResult:
        """Project, request, autonomy, model and budget."""
        settings = self.deck.settings
        yield Bar((Span("A new build", "strong bold"),), id="title")
        with Vertical(id="form"):
            project = tilde(self.deck.project)
            yield _titled(
                "project", Input(project, placeholder="the folder of a git repository", id="project")
            )
            yield Lines(self._look_lines, id="look")
            yield Request(
                "what should be built", "In your own words; the Q Assistant asks the rest.", id="request"
            )
            with Horizontal(id="choices"):
                yield _titled("autonomy", Autonomies(_autonomies(settings.autonomy), id="autonomy"))
                with Vertical(id="side"):
                    yield _titled("model", Input(settings.model, placeholder=_NO_MODEL, id="model"))
                    budget = "" if settings.budget_usd is None else f"{settings.budget_usd:g}"
                    yield _titled("budget in US dollars", Input(budget, placeholder="no limit", id="budget"))
        yield Lines(self._answers, id="answers")

    def on_mount(self) -> None:
        """The cursor stands where something is missing."""
        self.query_one("#request", Request).load_text(self.deck.draft)
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#request" if self.deck.project else "#project").focus()
        self._look_again(tilde(self.deck.project))

    @on(Request.Changed, "#request")
    def _request_changed(self, event: Request.Changed) -> None:
        """What was written and not started is there again next time."""
        if self.is_current:
            self.deck.draft = event.text_area.text

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        return (
            Hint("ctrl+s", "start", "screen.start"),
            Hint("tab", "next field"),
            Hint("esc", "not now", "app.pop_screen"),
        )

    # --- drawing

    def _look_lines(self, width: int) -> list[Line]:
        look = self.look
        if look.trouble:
            return rows_of((Span(f"{words.BAD} ", "bad"), said(look.trouble, "bad")), width, _LOOK_ROWS)
        if look.top is None:
            return [()]
        line: Line = (
            Span(f"{words.OK} ", "ok"),
            said(look.top.name, "strong"),
        )
        if look.branch:
            line = (*line, Span(" builds from and merges into ", "muted"), said(look.branch, "strong"))
        if look.changes:
            line = (*line, Span("; your uncommitted changes are left alone", "muted"))
        return rows_of(line, width, _LOOK_ROWS)

    def _answers(self, width: int) -> list[Line]:
        if self._starting:
            return [(Span("starting", "muted"),)]
        first: Line = (Span(" ctrl+s ", "need bold reverse"), Span(" start the build", "strong"))
        rows: list[Line] = []
        for i, text in enumerate(self._trouble.splitlines()):
            rows += wrap((Span(f"{words.BAD} {text}" if i == 0 else text, "bad"),), width, 2)
        most = max(3, self.size.height // 3)
        if len(rows) > most:
            rows = [*rows[: most - 1], cut_line((*rows[most - 1], Span(" …", "bad")), width)]
        return [*rows, first]

    def _complain(self, text: str, field: str = "") -> None:
        self._trouble = clean(text, limit=1200)
        self.query_one("#answers", Lines).show(self._answers)
        if field:
            self.query_one(field).focus()

    # --- keys and fields

    @on(Input.Changed, "#project")
    def _project_changed(self, event: Input.Changed) -> None:
        self._look_again(event.value)

    @on(Input.Submitted)
    def _field_done(self) -> None:
        self.focus_next()

    @on(Picker.Chosen, "#autonomy")
    def _autonomy_done(self) -> None:
        self.focus_next()

    def on_composer_left(self) -> None:
        """Escape in the request leaves it for the next field."""
        self.query_one("#autonomy").focus()

    def _look_again(self, path: str) -> None:
        async def look() -> None:
            # A pause, so that git is asked once for a word and not once for a letter.
            await asyncio.sleep(0.15)
            self._take(await asyncio.to_thread(look_at, path))
            if self.look.top and not self.look.branch:
                self._take(await asyncio.to_thread(ask_branch, self.look))

        self.run_worker(look(), exclusive=True, group="look")

    def _take(self, look: Look) -> None:
        """Show what was found; the branch of a repository that was asked about already is known."""
        if look.top and look.top == self.look.top and not look.branch:
            look = replace(look, branch=self.look.branch)
        self.look = look
        self.query_one("#look", Lines).show(self._look_lines)

    async def action_start(self) -> None:
        """Check everything, then start."""
        if self._starting:
            return
        look = await asyncio.to_thread(look_at, self.query_one("#project", Input).value)
        self._take(look)
        if look.top is None:
            # What is wrong stands under the field already.
            self._complain("", "#project")
            return
        request = self.query_one("#request", Request).text.strip()
        if not request:
            self._complain("Say in a sentence what should be built.", "#request")
            return
        try:
            budget = read_budget(self.query_one("#budget", Input).value)
        except ValueError as error:
            self._complain(str(error), "#budget")
            return
        self._starting = True
        self._complain("")
        # The app's own, because this screen goes when the build begins.
        self.deck.run_worker(self._start(look.top, request, budget), group="start")

    async def _start(self, top: Path, request: str, budget: float | None) -> None:
        model = self.query_one("#model", Input).value.strip()
        option = self.query_one("#autonomy", Autonomies).option
        settings = self.deck.settings
        models = {r.value: settings.model_for(r) for r in Role if settings.model_for(r)}
        if model and model != settings.model:
            models = {r.value: settings.models.get(r.value, "") or model for r in Role}
        try:
            why_not = await self.deck.begin(
                top,
                request,
                autonomy=Autonomy(option.value) if option else settings.autonomy,
                budget=budget,
                models=models,
                instead=self,
            )
            self.deck.draft = self.deck.draft if why_not else ""
        except QdeckError as error:
            why_not = str(error)
        self._starting = False
        if why_not and self.is_attached:
            self._complain(why_not)


def rows_of(line: Line, width: int, most: int) -> list[Line]:
    """Return the line wrapped to at most so many rows; what is cut ends with an ellipsis."""
    rows = wrap(line, width, 2)
    if len(rows) <= most:
        return rows
    rest = tuple(span for row in rows[most:] for span in (Span(" "), *row))
    return [*rows[: most - 1], cut_line((*rows[most - 1], *rest), width)]


def read_budget(text: str) -> float | None:
    """Return the budget that was typed; None for none. Raises ValueError with a sentence."""
    text = text.strip().lstrip("$").replace(",", ".")
    if not text:
        return None
    try:
        budget = float(text)
    except ValueError:
        raise ValueError(f"The budget {clean(text, lines=False, limit=40)!r} is not a number.") from None
    if not 0 < budget < 1e6:
        raise ValueError("The budget has to be more than nothing, and less than a million.")
    return budget


def _autonomies(default: Autonomy) -> list[Option]:
    rows = sorted(AUTONOMIES, key=lambda row: row[0] is not default)
    return [Option(a.value, (Span(f"{a.value:<8}", "strong bold"), Span(text, "muted"))) for a, text in rows]
