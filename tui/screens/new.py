"""A new build: where, what, and how much may happen by itself. Says at once what cannot work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input

from core.durations import duration, seconds_of
from core.errors import QdeckError
from core.machine.states import WHOLE, Autonomy, Role
from core.text import clean
from tui import words
from tui.forms import read_budget, read_retries
from tui.ink import Line, Span, cut_line, fit, said, wrap
from tui.projects import Look, look_at, tilde
from tui.screens.place import Places, PlaceScreen
from tui.starting import GIVEN_UP
from tui.templates import filled, templates
from tui.widgets.bars import Bar, Hint
from tui.widgets.fields import Field, ProjectField
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker
from tui.widgets.request import LONGEST_REQUEST, Request

AUTONOMIES: tuple[tuple[Autonomy, str, str], ...] = (
    (Autonomy.GATED, "asks you at the gates", "at the gates"),
    (Autonomy.MANUAL, "asks you at every step", "every step"),
    (Autonomy.AUTO, "asks only when stuck", "when stuck"),
)
"""When it asks, in a sentence and in the few cells of a narrow screen."""
_EMPTY = {
    "model": ("such as openai/gpt-5", "openai/gpt-5"),
    "budget": ("US dollars; no limit", "$; no limit"),
    "retries": ("steps back before it asks you", "steps back"),
    "deadline": ("4h, 1d12h; none", "4h; none"),
}
"""What stands in an empty field, in full and on a narrow screen."""
NARROW = 80


W = TypeVar("W", bound=Widget)


def _titled(title: str, field: W) -> W:
    """Give the field a title in its border."""
    field.border_title = title
    return field


class Autonomies(Picker):
    """How much moves without a person."""


class NewScreen(PlaceScreen):
    """Describe a build and start it."""

    CSS_PATH = "new.tcss"
    ORDERS = frozenset({"start"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f10", "start", "Start", id="new.start", tooltip="Start the build.", priority=True),
        Binding(
            "ctrl+t",
            "template",
            "Template",
            id="new.template",
            tooltip="Put a template into the request.",
            priority=True,
        ),
        Binding(
            "ctrl+f",
            "projects",
            "Projects",
            id="new.projects",
            tooltip="Search the projects that were built in before.",
            priority=True,
        ),
        Binding(
            "ctrl+r",
            "roles",
            "Models",
            id="new.roles",
            tooltip="Choose a model for each role of this build.",
            priority=True,
        ),
        Binding("escape", "leave", "Not now", id="new.leave", tooltip="Leave without starting."),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._trouble = ""
        self._starting = False

    def content(self) -> ComposeResult:
        """Project, request, autonomy, limits and models."""
        settings, form = self.deck.settings, self.deck.form
        budget = "" if settings.budget_usd is None else f"{settings.budget_usd:g}"
        yield Bar((Span("A new build", "strong bold"),), id="title")
        with Vertical(id="form"):
            project = form.get("project", "") or tilde(self.deck.project)
            yield _titled("project", ProjectField(project, id="project"))
            yield Places(id="places")
            yield Lines(self._look_lines, id="look")
            yield Request(
                "what should be built", "In your own words; the Q Assistant asks the rest.", id="request"
            )
            with Horizontal(id="choices"):
                # Another version may have kept a word that this one does not know.
                default = next((a for a in Autonomy if a == form.get("autonomy")), settings.autonomy)
                yield _titled("autonomy", Autonomies(_autonomies(default), id="autonomy"))
                with _titled("model and limits", Vertical(id="side")):
                    yield Field("model", form.get("model", settings.model), _EMPTY["model"][0], id="model")
                    yield Field("budget", form.get("budget", budget), _EMPTY["budget"][0], id="budget")
                    retries = form.get("retries", str(settings.retry_budget))
                    yield Field("retries", retries, _EMPTY["retries"][0], id="retries")
                    due = settings.deadlines.get(WHOLE)
                    limit = form.get("deadline", duration(due) if due else "")
                    yield Field("deadline", limit, _EMPTY["deadline"][0], id="deadline")
            with _titled("a model for a role, where it differs", Vertical(id="roles")):
                for role in Role:
                    own = form.get(f"role-{role.value}", settings.models.get(role.value, ""))
                    name = words.ROLE_NAMES[role]
                    yield Field(name, own, "as all", id=f"role-{role.value}", wide=23)
        yield Lines(self._answers, id="answers")

    def on_mount(self) -> None:
        """The cursor stands where something is missing."""
        self.query_one("#request", Request).load_text(self.deck.form.get("request", ""))
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#roles").display = any(
            self.query_one(f"#role-{role.value}", Input).value for role in Role
        )
        self.query_one("#places").display = False
        self.query_one("#request" if self.deck.project else "#project").focus()
        self._look_again(self.query_one("#project", Input).value)
        self.run_worker(self._remember_places(), group="places")

    def on_resize(self) -> None:
        """What is explained beside a field fits into it, or is said in fewer words."""
        narrow = self.size.width < NARROW
        first = Autonomy(self.query_one("#autonomy", Autonomies).options[0].value)
        self.query_one("#autonomy", Autonomies).offer(_autonomies(first, narrow=narrow))
        for name, texts in _EMPTY.items():
            self.query_one(f"#{name}", Input).placeholder = texts[narrow]

    @on(Request.Changed, "#request")
    def _request_changed(self, event: Request.Changed) -> None:
        """What was written and not started is there again next time."""
        if self.is_current:
            self.deck.form["request"] = event.text_area.text

    @on(Input.Changed)
    def _field_changed(self, event: Input.Changed) -> None:
        # The folder is kept by what is found there.
        if self.is_current and event.input.id and event.input.id != "project":
            self.deck.form[event.input.id] = event.value

    @on(Request.TooMuch)
    def _too_much(self, event: Request.TooMuch) -> None:
        self._complain(
            f"That has {event.size:,} characters; a request may have {LONGEST_REQUEST:,}. Nothing "
            "was taken. Put it into a file of the repository, commit it, and name the file here."
        )

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        # How to start stands right above.
        return (
            Hint("ctrl+t", "template", "screen.template"),
            Hint("ctrl+f", "projects", "screen.projects"),
            Hint("ctrl+r", "models", "screen.roles"),
            Hint("tab", "next field"),
            Hint("ctrl+g", "your editor"),
            Hint("esc", "give it up" if self._starting else "not now", "screen.leave"),
        )

    # --- drawing

    def journal_changed(self) -> None:
        """Without a journal nothing begins."""
        super().journal_changed()
        self.query_one("#answers", Lines).show(self._answers)

    def _answers(self, width: int) -> list[Line]:
        if self._starting:
            told = "looking at the project and the models before it starts"
            way_out = (Span("esc", "run bold", "screen.leave"), Span(" gives it up", "run", "screen.leave"))
            return [(Span(f"{words.RUN} {told}, ", "run"), *way_out)]
        key, text = ("faint", "faint") if self.refusal("start") else ("need bold reverse", "strong")
        first: Line = (
            Span(" ctrl+s ", key, "screen.start"),
            Span(" start the build", text, "screen.start"),
        )
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

    @on(Input.Submitted)
    def _field_done(self) -> None:
        self.focus_next()

    @on(Picker.Chosen, "#autonomy")
    def _autonomy_done(self) -> None:
        self.focus_next()

    @on(Picker.Moved, "#autonomy")
    def _autonomy_moved(self, event: Picker.Moved) -> None:
        if self.is_current:
            self.deck.form["autonomy"] = event.option.value

    # --- projects, templates and roles

    def action_projects(self) -> None:
        """Search all projects that were built in before, and take one; below the field there are few."""
        from tui.screens.pick import PickScreen

        if not self._recent:
            self.deck.tell("No project was built in yet: write the folder of a git repository.")
            return

        def chosen(place: str | None) -> None:
            if place:
                self._take_place(place)
                self.query_one("#request").focus()

        here = self.query_one("#project", Input).value
        names = {place: fit(Path(place).name, 24) for place in self._recent}
        options = [
            Option(place, (Span(name, "strong"), Span("  "), said(place, "muted", 200)))
            for place, name in names.items()
        ]
        self.deck.push_screen(PickScreen("A project to build in", options, here, seeking=True), chosen)

    def action_template(self) -> None:
        """Choose a template; what is written stays."""
        from tui.screens.pick import PickScreen

        folder = self.deck.settings.paths.config / "templates"
        found = {template.name: template for template in templates(folder)}
        options = [
            Option(t.name, (said(t.title, "strong"), Span("  yours" if t.own else "", "role")))
            for t in found.values()
        ]
        about = {name: template.text for name, template in found.items()}

        def chosen(name: str | None) -> None:
            if name:
                request = self.query_one("#request", Request)
                request.text = filled(found[name], request.text)
                request.focus()

        title = f"A template. Your own go into {tilde(folder)}"
        self.deck.push_screen(PickScreen(title, options, about=about), chosen)

    def action_roles(self) -> None:
        """Show the models of the roles, or go back to one for all."""
        roles = self.query_one("#roles")
        roles.display = not roles.display
        self.query_one(f"#role-{next(iter(Role)).value}" if roles.display else "#model").focus()

    def on_composer_left(self) -> None:
        """Escape in the request leaves it for the next field, or gives up what is about to start."""
        if not self._give_up():
            self.query_one("#autonomy").focus()

    def action_leave(self) -> None:
        """Give up what is about to start; else leave without starting. What is written is there again."""
        if not self._give_up():
            self.deck.pop_screen()

    def _give_up(self) -> bool:
        """Start nothing after all; False where nothing is about to start."""
        if self.deck.give_up_start():
            return True
        if not any(worker.group == "ready" and not worker.is_finished for worker in self.workers):
            return False
        self.workers.cancel_group(self, "ready")
        self._starting = False
        self._complain(GIVEN_UP)
        self.refresh_hints()
        return True

    def action_start(self) -> None:
        """Check everything, then start: git is asked beside the app, so that no key waits for it."""
        if not self._starting:
            self._starting = True
            self._complain("")
            self.refresh_hints()
            self.run_worker(self._start_when_ready(), group="ready")

    async def _start_when_ready(self) -> None:
        look = await asyncio.to_thread(look_at, self.query_one("#project", Input).value)
        if self not in self.deck.screen_stack or not self.deck.is_running:
            # It is on its way out; what it consists of may be gone already.
            return
        self._starting = False
        self._take(look)
        self._check(look)
        self.refresh_hints()

    def _check(self, look: Look) -> None:
        """Start, if everything is there; else say what is not."""
        if look.top is None:
            # What is wrong stands under the field already.
            self._complain("", "#project")
            return
        request = self.query_one("#request", Request).text.strip()
        if not request:
            self._complain("Say in a sentence what should be built.", "#request")
            return
        if len(request) > LONGEST_REQUEST:
            self._complain(f"A request may have {LONGEST_REQUEST:,} characters; this is longer.", "#request")
            return
        try:
            budget = read_budget(self.query_one("#budget", Input).value)
        except ValueError as error:
            self._complain(str(error), "#budget")
            return
        try:
            retries = read_retries(self.query_one("#retries", Input).value)
        except ValueError as error:
            self._complain(str(error), "#retries")
            return
        try:
            deadlines = self._deadlines(self.query_one("#deadline", Input).value.strip())
        except ValueError as error:
            self._complain(f"The deadline is none: {error}.", "#deadline")
            return
        self._starting = True
        self._complain("")
        # The app's own, because this screen goes when the build begins.
        self.deck.run_worker(self._start(look.top, request, budget, retries, deadlines), group="start")

    def _deadlines(self, text: str) -> dict[str, float]:
        """The settings' deadlines of the phases, and the one that was written. Raises ValueError."""
        phases = {name: span for name, span in self.deck.settings.deadlines.items() if name != WHOLE}
        return {**phases, WHOLE: seconds_of(text)} if text else phases

    async def _start(
        self, top: Path, request: str, budget: float | None, retries: int, deadlines: dict[str, float]
    ) -> None:
        option = self.query_one("#autonomy", Autonomies).option
        try:
            why_not = await self.deck.begin(
                top,
                request,
                autonomy=Autonomy(option.value) if option else self.deck.settings.autonomy,
                budget=budget,
                models=self._models(),
                retries=retries,
                deadlines=deadlines,
                instead=self,
            )
            if not why_not:
                self.deck.form.clear()
        except QdeckError as error:
            why_not = str(error)
        self._starting = False
        self.refresh_hints()
        if why_not and self.is_attached:
            self._complain(why_not, "#model" if why_not.startswith("No model") else "")

    def _models(self) -> dict[str, str]:
        """The model of each role: its own, else the one for all."""
        common = self.query_one("#model", Input).value.strip()
        shown = self.query_one("#roles").display
        own = {r.value: self.query_one(f"#role-{r.value}", Input).value.strip() for r in Role}
        models = {role: (model if shown else "") or common for role, model in own.items()}
        return {role: model for role, model in models.items() if model}


def _autonomies(default: Autonomy, *, narrow: bool = False) -> list[Option]:
    rows = sorted(AUTONOMIES, key=lambda row: row[0] is not default)
    return [
        Option(a.value, (Span(f"{a.value:<8}", "strong bold"), Span(short if narrow else text, "muted")))
        for a, text, short in rows
    ]
