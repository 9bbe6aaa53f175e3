"""What faces ask the worker's side, through the process that they start for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.machine.states import STATES, State, actor_in
from tests.llm.openai_server import Fault, OpenAIServer, Reply, Tool
from tui.commands.children import ask_child


def tried(base: str) -> dict[str, object]:
    """Try a model of a server on this machine."""
    return ask_child("core.engine", "try", "--json", "--name=openai/small", f"--api-base={base}")


def test_a_model_is_tried_with_a_small_real_call() -> None:
    """It says whether it answers and calls tools; a fault comes back in words, without the key in it."""
    with OpenAIServer(
        [Reply("", [Tool("ready")]), Reply("hi \x1b[31m[b]"), Reply(fault=Fault.UNAUTHORIZED)]
    ) as server:
        works, talks, refused = (tried(server.url) for _ in range(3))
        (asked, *_) = server.requests
    assert works["ok"] and works["tools"] and works["model"]
    assert talks["ok"] and not talks["tools"] and talks["text"] == "hi [b]"
    assert not refused["ok"] and "sk-" not in json.dumps(refused)
    assert len(json.dumps(asked.body)) < 2_000, "a small call"


def test_every_states_prompt_can_be_previewed_with_a_workflows_facts(tmp_path: Path) -> None:
    """Rendering needs no worktree and no model, for any state; a user's copy shows in it."""
    from core.engine.wording import preview, prompts

    facts = {"workflow_id": "f" * 32, "build_id": "B-0042", "attempt": 3, "autonomy": "auto"}
    (tmp_path / "code_writer.md").write_text("# My writer\n")
    for state in STATES:
        if state is State.COMPLETE:
            continue
        seen = preview(state.value, facts, tmp_path)
        assert "B-0042" in seen["text"] and "attempt: 3" in seen["text"] and "{{" not in seen["text"]
        assert seen["role"] == actor_in(state).value and len(seen["digest"]) == 64
        assert seen["text"].startswith("# My writer") == (seen["role"] == "code_writer")
    listed = {row["name"]: row for row in prompts(tmp_path)["prompts"]}
    assert len(listed) == 6 and listed["code_writer"]["own"] == "# My writer\n"
    assert listed["q_assistant"]["own"] is None and listed["q_assistant"]["shipped"]


@pytest.mark.parametrize("state", ["lunch", "complete"])
def test_a_state_without_a_prompt_is_told_so(state: str) -> None:
    """Also through the door."""
    answer = ask_child("core.engine", "preview", "--json", f"--state={state}")
    assert not answer["ok"] and state in str(answer["error"])
