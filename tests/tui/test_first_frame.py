"""What is imported when: the first frame waits for nothing that it does not show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from screenshots.scenes import Journal

SHOWN = {"__main__", "core", "tui", "textual", "rich", "platformdirs", "typing_extensions", "sitecustomize"}
"""Textual with what it stands on, and ours; of ours the app's own modules and the pure core. The last is what
a distribution adds to its Python."""
PURE = (
    "core.machine",
    "core.board",
    "core.config",
    "core.durations",
    "core.errors",
    "core.home",
    "core.text",
)
LATER = {"sqlmodel", "sqlalchemy", "pydantic", "typer", "rich.markdown", "pygments", "httpx", "openai"}
NEVER = {"litellm", "dbos", "alembic"}
PROGRAM = """
import asyncio, json, sys
from tui.app import QdeckApp
from tui.options import AppOptions

async def main():
    app = QdeckApp(AppOptions(database_url=sys.argv[1], start_worker=False))
    start, app.link.start = app.link.start, lambda: None
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        rows = len(app.board.board.model.rows)
        first = sorted(sys.modules)
        start()
        while not app.journal_open:
            await asyncio.sleep(0.02)
        app.open_workflow(sys.argv[2])
        while getattr(app.screen, "picture", None) is None:
            await asyncio.sleep(0.02)
        keys = "d e escape a escape r escape s escape question_mark escape f2 escape f3 escape f4 escape"
        for key in keys.split():
            await pilot.press(key)
        await pilot.press("ctrl+n")
    print(json.dumps({"rows": rows, "first": first, "last": sorted(sys.modules)}))

asyncio.run(main())
"""


def loaded(journal: Journal) -> dict[str, list[str]]:
    """Run the app in an interpreter of its own and return the modules at the first frame and at the end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(journal.path), journal.workflow_id],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_the_first_frame_needs_only_textual_and_the_pure_core(journal_of: Callable[[str], Journal]) -> None:
    """The board is there, with its rows, before any database library; a model library never comes."""
    modules = loaded(journal_of("review"))
    assert modules["rows"] == 7
    first, last = set(modules["first"]), set(modules["last"])
    assert not first & (LATER | NEVER)
    assert {m.partition(".")[0] for m in first} - set(sys.stdlib_module_names) <= SHOWN
    assert not {m for m in first if m.startswith("core.") and not m.startswith(PURE)}
    assert "sqlmodel" in last
    assert not {m for m in last if m.split(".")[0] in NEVER}
    assert not {m for m in last if m.startswith(("core.engine", "core.llm", "core.roles", "core.workspace"))}
