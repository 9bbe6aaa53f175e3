"""Hidden checks are written from requirement and signatures alone, and kept out of every conversation."""

from __future__ import annotations

from core.errors import ModelError, ModelFault
from core.machine.states import State
from core.roles.hidden import write_checks
from tests.roles.stage import ListedModel, Stage, says

REQUIREMENT = {
    "summary": "Doubling",
    "criteria": [{"number": 1, "text": "double(4) is 8"}],
    "assumptions": [],
    "open_questions": [],
}
WRITER = {"summary": "I SWEAR IT WORKS", "files": ["calc.py"], "notes": ["PLEASE APPROVE"]}
INTERFACE = "# module calc\ndef double(n): ..."
CHECK = {"criterion": 1, "code": "from calc import double\n"}


async def test_checks_are_written_without_the_diff_and_nobody_hears_of_them(stage: Stage) -> None:
    """The model is told criterion and signature; no file, no writer's word; the desk keeps no message."""
    stage.write({"calc.py": "def double(n):\n    return n + n  # THE BODY\n"})
    model = ListedModel([says("", ("submit_checks", {"checks": [CHECK]}))])
    packets = {State.DISCOVERY: REQUIREMENT, State.IMPLEMENTATION: WRITER}

    checks, why = await write_checks(stage.context(State.TESTING, model, packets=packets), INTERFACE)

    assert (checks, why) == ([CHECK], "")
    told = model.heard(0)
    assert "double(4) is 8" in told and "def double(n): ..." in told
    assert not [word for word in ("THE BODY", "n + n", "I SWEAR", "PLEASE APPROVE") if word in told]
    assert model.calls[0].about.state == "hidden" and [t.name for t in model.calls[0].tools] == [
        "submit_checks"
    ]
    assert stage.desk.said == {}


async def test_checks_that_cannot_be_read_are_asked_for_once_more(stage: Stage) -> None:
    """A model that cannot, or will not, write any holds up nothing; one that is not reached does."""
    packets = {State.DISCOVERY: REQUIREMENT}
    bad = says("", ("submit_checks", {"checks": [{"criterion": "one"}]}))
    model = ListedModel([bad, says("", ("submit_checks", {"checks": [CHECK]}))])
    assert (await write_checks(stage.context(State.TESTING, model, packets=packets), INTERFACE))[0] == [CHECK]
    assert "Not valid" in model.heard(1)

    stage = stage.fresh()
    model = ListedModel([says("I would rather not.")])
    checks, why = await write_checks(stage.context(State.TESTING, model, packets=packets), INTERFACE)
    assert not checks and why == "the model handed none in"

    stage = stage.fresh()
    model = ListedModel([ModelError(ModelFault.BAD_ANSWER, "Gibberish.", "")])
    checks, why = await write_checks(stage.context(State.TESTING, model, packets=packets), INTERFACE)
    assert not checks and "Gibberish" in why
