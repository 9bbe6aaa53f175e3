"""A model in small that can build one thing. It answers over the chat-completions protocol, as providers do.

It knows which role it plays by the tools that it is offered, and how far it has come by its own answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.llm.openai_server import Reply, Tool

REQUEST = "Add a function double(number) that gives twice the number"

POINTS = (
    "security",
    "performance",
    "architecture",
    "documentation",
    "testing",
    "deployment_readiness",
    "monitoring",
    "scaling",
)
CODE = 'def double(number: float) -> float:\n    """Return twice the number."""\n    return number * 2\n'
TESTS = "from abacus.double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"


class Carpenter:
    """Builds `double` in a package called abacus, under src."""

    checks: tuple[dict[str, Any], ...] = ()
    """The hidden checks that it writes as an auditor, before it sees any code."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        """Which tools each request ended with, to see that no answer was asked for twice."""

    def __call__(self, body: dict[str, Any]) -> Reply:
        """Answer one request."""
        self.told.append(json.dumps(body))
        offered = {tool["function"]["name"] for tool in body.get("tools", ())}
        answers = [m for m in body["messages"] if m["role"] == "assistant" and m.get("tool_calls")]
        results = [str(m.get("content") or "") for m in body["messages"] if m["role"] == "tool"]
        if "submit_checks" in offered:
            return Reply("", [Tool("submit_checks", {"checks": self.checks})], piece=50)
        finish = next(name for name in (*_PLAYS, "accept_handoff") if name in offered)
        calls = self.play(finish, len(answers), results)
        key = re.search(r"attempt: (\d+)", str(body["messages"]))
        self.asked.append(f"{_state(body)}:{key[1] if key else '?'}:{len(answers)}")
        return Reply(f"Step {len(answers) + 1}.", calls, piece=50)

    def play(self, finish: str, turn: int, results: list[str]) -> list[Tool]:
        """Return the tool calls of one answer."""
        if finish == "accept_handoff":
            return [Tool("accept_handoff", {"notes": "It is all there."})]
        if finish == "submit_code":
            return self.build(turn, results)
        return [Tool(finish, _PLAYS[finish])]

    def build(self, turn: int, results: list[str]) -> list[Tool]:
        """Write the code and its test, run the tests, and hand in."""
        if turn == 0:
            return [
                Tool("write", {"path": "src/abacus/double.py", "content": CODE}),
                Tool("write", {"path": "tests/test_double.py", "content": TESTS}),
            ]
        if turn == 1:
            return [Tool("run", {"command": "python -m pytest -q"})]
        return [Tool("submit_code", _PLAYS["submit_code"])]


def _state(body: Mapping[str, Any]) -> str:
    found = re.findall(r"state: ([a-z_]+)", str(body["messages"]))
    return found[-1] if found else "?"


_PLAYS: dict[str, dict[str, Any]] = {
    "submit_requirement": {
        "summary": "A function that doubles a number.",
        "criteria": [{"number": 1, "text": "double(4) is 8."}],
        "assumptions": [],
        "open_questions": [],
    },
    "submit_plan": {
        "summary": "One new module with one function, and its test.",
        "kind_of_change": "feature",
        "tasks": [{"text": "Write double and its test.", "criteria": [1]}],
        "files": ["src/abacus/double.py", "tests/test_double.py"],
        "risks": ["None worth naming."],
        "proofs": [{"criterion": 1, "kind": "new_test", "proof": "tests/test_double.py::test_double"}],
    },
    "submit_code": {
        "summary": "double is there, with a test.",
        "files": ["src/abacus/double.py", "tests/test_double.py"],
        "notes": [],
    },
    "submit_tests": {"verdict": "pass", "summary": "The test proves it.", "added_tests": []},
    "submit_review": {
        "verdict": "approve",
        "summary": "Small and right.",
        "checklist": [
            {"point": point, "verdict": "pass", "answer": "Nothing to object to.", "reference": "criterion 1"}
            for point in POINTS
        ],
    },
    "submit_release": {"summary": "There is double now.", "notes": ["double(4) is 8."], "version": None},
}
"""What the model hands in, by the tool that takes it."""
