"""Commands that move or steer a workflow."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import ExitCode
from core.machine.commands import Authority
from core.machine.refusal import Reason as Why
from core.machine.states import Autonomy, Condition, State
from core.machine.transitions import Kind
from core.text import MESSAGE_LIMIT
from tui.commands.flags import Budget, Db, Json, Reason, Version, Worker, Workflow
from tui.commands.output import UsageFault, fault_data, note, say, show_json, tell_fault
from tui.commands.session import ask_yes, at_terminal, ensure_worker, person, with_service
from tui.commands.telling import decision_text, move_text

if TYPE_CHECKING:
    from core.service.service import OrchestrationService
    from core.service.views import Answer

_REQUEST_LIMIT = 200_000

Give = Callable[["OrchestrationService", int], Awaitable["Answer"]]
"""Gives one order at the version that the caller has seen."""


def advance(
    workflow: Workflow,
    reason: Reason = "",
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Approve, and move one step forward. Asks at the terminal; without one only what the autonomy allows."""

    async def work(service: OrchestrationService) -> int:
        view = await service.get_workflow_status(workflow)
        version = view.version if expected_version is None else expected_version
        by = person() if at_terminal() else Authority.policy(view.autonomy)
        if at_terminal() and not await _agreed(service, workflow):
            what = f"{view.build_id} was not approved; it stays where it is."
            tell_fault(fault_data("declined", what, "`qdeck retry` or `qdeck chat` say what is wrong."), json)
            return ExitCode.REFUSED
        answer = await service.advance_workflow(workflow, by=by, expected_version=version, reason=reason)
        if answer.ok:
            ensure_worker(service, start_worker)
        elif not at_terminal() and answer.refusal and answer.refusal.reason is Why.NOT_YOURS:
            hint = "Nobody can be asked here. Approve in the app, or run this command at a terminal."
            tell_fault(fault_data(Why.NOT_YOURS.value, answer.refusal.text, hint, answer.refusal), json)
            return answer.exit_code
        return tell_answer(answer, json)

    return with_service(db, work)


async def _agreed(service: OrchestrationService, workflow: str) -> bool:
    """Show what would be approved and ask. What cannot be done anyway is ordered unasked, and refused."""
    ahead = next(
        (m for m in await service.moves(workflow, person()) if m.kind in (Kind.ADVANCE, Kind.ACCEPT)), None
    )
    decision = await service.decision(workflow)
    if decision is not None and decision.kind == "approval":
        note(decision_text(decision))
        return await ask_yes("Approve?")
    if ahead is None or not ahead.ready:
        return True
    return await ask_yes(f"{move_text(ahead)}?")


def retry(
    workflow: Workflow,
    reason: Annotated[
        str, typer.Option("--reason", "-r", metavar="TEXT", help="What is wrong; the role is told.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="STATE", help="Where to; else where the table says.")
    ] = "",
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Send the work back to an earlier phase with a reason. The files stay."""
    target = _state(to) if to else None
    by = person()
    return order(
        workflow,
        expected_version,
        lambda s, v: s.request_retry(workflow, by=by, expected_version=v, reason=reason, target=target),
        start_worker=start_worker,
        json=json,
        db=db,
    )


def rollback(
    workflow: Workflow,
    to: Annotated[str, typer.Option("--to", metavar="STATE", help="The phase to go back to.")],
    reason: Annotated[
        str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; it stays in the record.")
    ],
    checkpoint: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="A checkpoint other than the phase's own.")
    ] = None,
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Go back to an earlier phase, files and conversations too. Asks at a terminal."""
    target, by = _state(to), person()

    async def agreed() -> bool:
        if not at_terminal() or await ask_yes(f"Take {workflow} back to {target.value}, files included?"):
            return True
        what = f"{workflow} was not rolled back; it stays where it is."
        tell_fault(fault_data("declined", what), json)
        return False

    return order(
        workflow,
        expected_version,
        lambda s, v: s.rollback_workflow(
            workflow, by=by, expected_version=v, target_state=target, reason=reason, checkpoint=checkpoint
        ),
        agreed=agreed,
        undo=True,
        start_worker=start_worker,
        json=json,
        db=db,
    )


def fork(
    workflow: Workflow,
    at: Annotated[
        int, typer.Option("--at", min=1, metavar="SEQ", help="The event to begin at; `qdeck history` lists.")
    ],
    request: Annotated[
        str,
        typer.Option("--request", metavar="TEXT", help="What to build instead; then it begins in discovery."),
    ] = "",
    autonomy: Annotated[
        str, typer.Option("--autonomy", metavar="manual|gated|auto", help="Else as the first one's.")
    ] = "",
    budget_usd: Budget = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Begin a new workflow where this one stood after an event. This one stays as it is."""
    by, wish = person(), read_words(request, "request") if request else None
    degree = _autonomy(autonomy) if autonomy else None

    async def work(service: OrchestrationService) -> int:
        answer = await service.fork_workflow(
            workflow, by=by, seq=at, request=wish, autonomy=degree, budget_usd=budget_usd
        )
        if answer.ok:
            ensure_worker(service, start_worker)
        return tell_answer(answer, json)

    return with_service(db, work)


def _autonomy(word: str) -> Autonomy:
    try:
        return Autonomy(word.strip().lower())
    except ValueError:
        raise UsageFault(
            f"There is no autonomy {word[:40]!r}.", "It is manual, gated or auto; see the README."
        ) from None


def pause(
    workflow: Workflow, reason: Reason = "", expected_version: Version = None, json: Json = False, db: Db = ""
) -> int:
    """Let a workflow rest until it is resumed."""
    by = person()
    give: Give = lambda s, v: s.pause(workflow, by=by, expected_version=v, reason=reason)  # noqa: E731
    return order(workflow, expected_version, give, start_worker=False, json=json, db=db)


def resume(
    workflow: Workflow,
    reason: Reason = "",
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Let a paused, failed or waiting workflow go on in its phase."""
    by = person()
    give: Give = lambda s, v: s.resume(workflow, by=by, expected_version=v, reason=reason)  # noqa: E731
    return order(workflow, expected_version, give, start_worker=start_worker, json=json, db=db)


def cancel(
    workflow: Workflow, reason: Reason = "", expected_version: Version = None, json: Json = False, db: Db = ""
) -> int:
    """End a workflow for good, unfinished. Its checkpoints stay."""
    by = person()
    give: Give = lambda s, v: s.cancel(workflow, by=by, expected_version=v, reason=reason)  # noqa: E731
    return order(workflow, expected_version, give, start_worker=False, json=json, db=db)


def budget(
    workflow: Workflow,
    usd: Annotated[
        str, typer.Argument(metavar="USD", help="The most it may spend in all, or `none` for no limit.")
    ],
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Change what a workflow may spend on models. One that waits for money goes on."""
    limit, by = _dollars(usd), person()
    give: Give = lambda s, v: s.set_budget(workflow, by=by, expected_version=v, budget_usd=limit)  # noqa: E731
    return order(workflow, expected_version, give, start_worker=start_worker, json=json, db=db)


def _dollars(text: str) -> float | None:
    """Read an amount of money; None is no limit."""
    word = text.strip().lstrip("$")
    if word.lower() == "none":
        return None
    try:
        amount = float(word)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise UsageFault(f"{text[:40]!r} is no amount of US dollars.", "Give one like 2.50, or `none`.")
    return amount


def chat(
    workflow: Workflow,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="What to say to the active role; - reads it from standard input."
        ),
    ],
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Talk to the role that is at work, or that waits for you."""
    words, by = read_words(text, "message", MESSAGE_LIMIT), person()

    async def work(service: OrchestrationService) -> int:
        answer = await service.chat(workflow, words, by=by)
        if answer.ok:
            ensure_worker(service, start_worker)
        return tell_answer(answer, json)

    return with_service(db, work)


def read_words(text: str, what: str, most: int = _REQUEST_LIMIT) -> str:
    """Return the words that were given, or piped in for `-`. Refuses none, and too many characters."""
    words = sys.stdin.read(most + 1) if text == "-" else text
    if not words.strip():
        raise UsageFault(f"The {what} is empty.", "Say in a sentence or two what you want.")
    if len(words) > most:
        hint = "Put the long part into a file of the repository and name the file."
        raise UsageFault(f"The {what} is longer than {most:,} characters.", hint)
    return words


def tell_answer(answer: Answer, as_json: bool) -> int:
    """Tell what became of an order and return the exit code."""
    if answer.ok:
        show_json(answer.to_data()) if as_json else say(answer.text)
        return answer.exit_code
    refusal = answer.refusal
    name = refusal.reason.value if refusal else "refused"
    fault = fault_data(
        name, refusal.text if refusal else answer.text, refusal.hint if refusal else "", refusal
    )
    tell_fault(fault, as_json)
    return answer.exit_code


def order(
    workflow: str,
    expected: int | None,
    give: Give,
    *,
    start_worker: bool,
    json: bool,
    db: str,
    agreed: Callable[[], Awaitable[bool]] | None = None,
    undo: bool = False,
) -> int:
    """Give one order at the version that is seen or expected, and tell what became of it, and its undo."""

    async def work(service: OrchestrationService) -> int:
        seen = (await service.get_workflow_status(workflow)).version
        if agreed is not None and not await agreed():
            return ExitCode.REFUSED
        answer = await give(service, seen if expected is None else expected)
        if answer.ok and answer.workflow and answer.workflow.condition is Condition.ACTIVE:
            ensure_worker(service, start_worker)
        code = tell_answer(answer, json)
        if undo and answer.ok and answer.workflow:
            before = min(answer.event_seqs) - 1
            note(f"To undo it: `qdeck fork {answer.workflow.build_id} --at {before}` begins anew from there.")
        return code

    return with_service(db, work)


def _state(word: str) -> State:
    try:
        return State(word.strip().lower())
    except ValueError:
        names = ", ".join(state.value for state in State)
        raise UsageFault(f"There is no state {word[:40]!r}.", f"States are {names}.") from None
