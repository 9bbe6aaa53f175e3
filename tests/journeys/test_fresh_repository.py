"""Builds on a repository that nobody prepared, by a model behind HTTP, in a real worker process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.machine.states import Autonomy, EvidenceKind, Role, State
from tests.journeys.carpenter import REQUEST, Carpenter
from tests.journeys.world import ADA, World, git, make_repository
from tests.llm.openai_server import OpenAIServer, Reply, Tool
from tests.wheels import WHEEL, wheel

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

MODEL = "openai/carpenter"
OWN = {"code_writer": "openai/joiner", "verification_overseer": "openai/surveyor"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package under src, as many have it, with one test."""
    folder = tmp_path / "source"
    (folder / "src" / "abacus").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "src" / "abacus" / "__init__.py").write_text('"""Numbers."""\n')
    (folder / "src" / "abacus" / "half.py").write_text("def half(number):\n    return number / 2\n")
    (folder / "tests" / "test_half.py").write_text(
        "from abacus.half import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
    )
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    return folder


@pytest.fixture
async def world(tmp_path: Path, source: Path) -> AsyncIterator[World]:
    """A world with that repository."""
    made = World(tmp_path)
    make_repository(made.repo, source)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def needy(source: Path) -> Path:
    """The same package; its test needs another one, which the repository brings along as a wheel."""
    test = source / "tests" / "test_half.py"
    test.write_text(f"import tiny_greeter\n{test.read_text()}    assert tiny_greeter.greet('x')\n")
    (source / WHEEL).parent.mkdir()
    (source / WHEEL).write_bytes(wheel())
    (source / "requirements.txt").write_text(f"./{WHEEL}\n")
    return source


async def test_a_model_behind_http_builds_in_a_repository_that_needs_a_package(
    needy: Path, world: World
) -> None:
    """The whole way: a set-up, streamed tool calls, real edits, real tests, a real merge; killed once.

    Two roles have models of their own, and are played by them alone.
    Without the environment nothing here is green: the base's own test cannot even be imported.
    """
    model = Carpenter()
    with OpenAIServer(respond=model) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL, models=OWN)
        first = world.worker()
        await world.until(started.workflow_id, lambda v: v.state is State.TESTING)
        world.kill(first)
        world.worker()
        done = await world.complete(started.workflow_id)

    assert all(evidence.ok and evidence.current for evidence in done.evidence.values())
    assert "2 passed" in world.run_tests()
    receipts = await world.door.receipts(started.workflow_id)
    installed = {r.data["at"] for r in receipts if r.title == "installing the dependencies"}
    (environment,) = (world.home / "cache" / "environments").glob("*/env")
    tested = [r for r in receipts if r.kind == "test"]
    assert len(installed) == 1, "made once, for both workers and all attempts"
    assert tested and all(r.argv[0] == str(environment / "bin" / "python") for r in tested)
    calls = await world.door.model_calls(started.workflow_id)
    assert calls and all(call.settled and call.prompt_tokens == 120 and call.prompt_digest for call in calls)
    asked = {str(json.loads(told)["model"]) for told in model.told}
    assert asked == {"carpenter", "joiner", "surveyor"}
    assert {(call.role, call.model) for call in calls} == {
        (role.value, OWN.get(role.value, MODEL)) for role in Role
    }
    twice = {turn: times for turn, times in Counter(model.asked).items() if times > 1}
    assert len(twice) <= 1, "at most the answer that was under way when the worker died is asked for again"


class Mender(Carpenter):
    """Finds conflict markers in its files, and solves them."""

    def build(self, turn: int, results: list[str]) -> list[Tool]:
        """Begin as usual; where the files hold markers, write them anew with both sides in."""
        if turn == 0:
            return [Tool("read", {"path": "src/abacus/half.py"})]
        marked = "<<<<<<<" in results[0]
        both = 'def half(number):\n    """Half of it."""\n    return number / 2.0\n'
        mine = "def half(number):\n    return number / 2.0\n"
        if turn == 1:
            text = both if marked else mine
            changed = Tool("write", {"path": "src/abacus/half.py", "content": text, "replace": True})
            return [changed] if marked else [*super().build(0, results), changed]
        return super().build(turn - 1, results)


async def test_a_conflict_with_the_moved_default_branch_goes_back_and_is_solved(world: World) -> None:
    """Both sides changed the same line: the Code Writer gets both and the build still ends in one merge."""
    with OpenAIServer(respond=Mender()) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL, autonomy=Autonomy.GATED)
        world.worker()
        await world.approve(await world.waits(started.workflow_id, "approval:plan"))
        review = await world.waits(started.workflow_id, "approval:review")
        half = world.repo / "src" / "abacus" / "half.py"
        half.write_text('def half(number):\n    """Half of it."""\n    return number / 2\n')
        git(world.repo, "commit", "-q", "-a", "-m", "Say what half does")
        await world.approve(review)
        again = await world.waits(started.workflow_id, "approval:review", 150)
        assert again.retries_used == 1
        await world.approve(again)
        await world.approve(await world.waits(started.workflow_id, "approval:release"))
        done = await world.complete(started.workflow_id)

    assert done.evidence[EvidenceKind.SMOKE].ok
    assert half.read_text() == 'def half(number):\n    """Half of it."""\n    return number / 2.0\n'
    assert len(world.merges()) == 1


async def test_who_asks_waits_for_the_answer_and_goes_on_with_it(world: World) -> None:
    """A question stops the build; the person's words start a new attempt that has heard them."""

    class Asker(Carpenter):
        """Asks once."""

        def __call__(self, body: dict[str, object]) -> Reply:
            """Ask as long as no answer is in the conversation."""
            if "submit_requirement" in str(body.get("tools")) and "floats too" not in str(body["messages"]):
                return Reply("One thing.", [Tool("ask_user", {"questions": ["Only whole numbers?"]})])
            return super().__call__(body)

    with OpenAIServer(respond=Asker()) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(REQUEST, model=MODEL, autonomy=Autonomy.GATED)
        world.worker()
        asked = await world.waits(started.workflow_id, "answer")
        assert "whole numbers" in asked.reason
        await world.door.chat(started.workflow_id, "No, floats too.", by=ADA)
        plan = await world.waits(started.workflow_id, "approval:plan")
    assert plan.state is State.PLANNING


async def test_a_spent_budget_waits_for_a_person_and_goes_on_with_a_bigger_one(world: World) -> None:
    """The money stops the build before the call, not after; nothing done so far is done again."""
    model = Carpenter()
    with OpenAIServer(respond=model) as server:
        world.env |= {"OPENAI_API_BASE": server.url, "OPENAI_API_KEY": "sk-carpenter"}
        started = await world.start(
            REQUEST, model="openai/gpt-4o-mini", autonomy=Autonomy.GATED, budget_usd=0.000_001
        )
        world.worker()
        broke = await world.waits(started.workflow_id, "budget")
        assert "budget" in broke.reason and model.asked == []

        more = await world.door.set_budget(
            started.workflow_id, by=ADA, expected_version=broke.version, budget_usd=50.0
        )
        assert more.ok and more.workflow is not None
        await world.door.resume(started.workflow_id, by=ADA, expected_version=more.workflow.version)
        plan = await world.waits(started.workflow_id, "approval:plan")
    assert 0 < plan.cost_usd < 0.01
