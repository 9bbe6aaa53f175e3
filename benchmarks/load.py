"""Writes into a journal what busy roles write: `python -m benchmarks.load PATH MODE SECONDS`.

A process of its own, as the worker is. Prints what it reached when it ends.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import sqlalchemy as sa

from core.journal.engine import EngineJournal
from core.journal.tables import BuildWorkflow

TOKENS_A_SECOND, CHANGES_A_SECOND = 100, 200
BEAT = 0.04
"""Seconds between two pieces of a stream; roles hand their words on in pieces of this length."""
SENTENCE = (
    "The **router** keeps `orders` in a table, and each row is read once. I look at the tests of the "
    "module next, because two of them are slow.\n\n- one reads a file that is not there\n- the other "
    "waits for a clock\n\n```python\n"
    "def total(rows: list[Row]) -> int:\n    return sum(r.amount for r in rows)"
    "\n```\n\n"
)


def words(count: int, start: int) -> str:
    """Return `count` tokens of four characters out of an endless text."""
    at = start * 4 % len(SENTENCE)
    return (SENTENCE * (count * 4 // len(SENTENCE) + 2))[at : at + count * 4]


class Load:
    """The live workflows of a journal, and the hand that writes for them."""

    def __init__(self, path: str) -> None:
        self.journal = EngineJournal(f"sqlite:///{path}")
        # The first is the one that the windows open.
        known = sa.select(BuildWorkflow.workflow_id).order_by(sa.text("build_id"))  # type: ignore[call-overload]
        with self.journal._database.read() as session:
            ids = [row[0] for row in session.execute(known)]
        self.live = [i for i in ids if not i.startswith("copy-")]
        self.rows = ids
        self.attempts = {i: self.journal.workflow(i).attempt_id for i in self.live}
        self.tokens = self.changes = 0
        self.said = dict.fromkeys(self.live, 0)

    def piece(self, workflow_id: str, tokens: int) -> None:
        """One piece of a stream."""
        self.journal.chunk(workflow_id, self.attempts[workflow_id], words(tokens, self.said[workflow_id]))
        self.said[workflow_id] += tokens
        self.tokens += tokens

    def change(self, workflow_id: str) -> None:
        """Another row of the board says something else."""
        self.changes += 1
        self.journal.set_activity(
            workflow_id, f"reads file {self.changes} of the module", f"{self.changes} passed"
        )


def stream(load: Load, seconds: float) -> None:
    """Eight roles stream, and many rows change."""
    rows = itertools.cycle(load.rows[:1000])
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed / BEAT)
        for workflow_id in load.live:
            load.piece(workflow_id, int(TOKENS_A_SECOND * BEAT))
        while load.changes < elapsed * CHANGES_A_SECOND:
            load.change(next(rows))
        time.sleep(max(0.0, began + (due + 1) * BEAT - time.monotonic()))


def answer(load: Load, seconds: float) -> None:
    """One role gives an answer of 200 KB in `seconds`."""
    began = time.monotonic()
    while load.tokens < 50_000:
        due = int(50_000 * min(1.0, (time.monotonic() - began + BEAT) / seconds))
        load.piece(load.live[0], max(1, due - load.tokens))
        time.sleep(BEAT)


def replay(load: Load, seconds: float) -> None:
    """An hour of one role: streams, messages and tool calls, in `seconds`."""
    one = load.live[0]
    attempt = load.attempts[one]
    began, turns = time.monotonic(), 600
    for turn in range(turns):
        for _ in range(4):
            load.piece(one, 150)
        text = words(600, turn * 37)
        load.journal.add_message(one, attempt, None, f"hour-{turn}", "q_assistant", "text", text)
        call = {"name": "read", "arguments": '{"path": "src/orders.py"}'}
        load.journal.add_message(one, attempt, None, f"call-{turn}", "q_assistant", "tool_call", "read", call)
        load.journal.add_message(
            one,
            attempt,
            None,
            f"back-{turn}",
            "q_assistant",
            "tool_result",
            text,
            {"name": "read", "ok": True},
        )
        load.change(one)
        load.journal.prune_chunks(attempt_id=attempt)
        time.sleep(max(0.0, began + turn * seconds / turns - time.monotonic()))


def main() -> int:
    """Write for as long as was asked."""
    path, mode, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    load = Load(path)
    print("ready", flush=True)
    began = time.monotonic()
    {"stream": stream, "answer": answer, "replay": replay}[mode](load, seconds)
    took = time.monotonic() - began
    print(
        json.dumps(
            {"tokens_a_second": round(load.tokens / took), "changes_a_second": round(load.changes / took)}
        )
    )
    load.journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
