"""What the gates cost beside the commands that they run, on the demo's repository.

`uv run python -m benchmarks.gates` builds the demo's last change for real and collects each gate once. The
engine's own time is what passes while none of its commands runs; the goal is under 10 % of theirs, which run
at the same time where they can.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence import (
    Bench,
    ProjectSettings,
    Promise,
    Receipt,
    collect_code,
    collect_scans,
    collect_tests,
    own_toolchain,
)
from core.sandbox import detect
from core.workspace import checkpoint, create_worktree, open_repository

GOAL = 10.0
SCENE = Path(__file__).parent.parent / "prompts" / "rehearsal" / "slugify"
CHANGE = {
    "textkit/slug.py": "slug_v3.py",
    "textkit/__init__.py": "package_init.py",
    "tests/test_slug.py": "test_slug.py",
    "README.md": "readme.md",
}
PROOF = "tests/test_slug.py::test_words_are_joined_by_hyphens_in_lower_case"
WORKFLOW = "0" * 32


@dataclass
class Memory:
    """Keeps steps and receipts, as the journal would."""

    kept: dict[str, Any] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    async def once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do the work once."""
        if key not in self.kept:
            self.kept[key] = await work()
        return self.kept[key]

    async def receipt(self, receipt: Receipt) -> str:
        """Keep a receipt under its key."""
        self.receipts[receipt.key] = receipt
        return receipt.key

    async def artifact(self, data: bytes, media: str) -> str:
        """Keep nothing."""
        return media

    async def activity(self, text: str) -> None:
        """Show nothing."""


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def _bench(home: Path, memory: Memory) -> Bench:
    origin = home / "origin"
    for file in (SCENE / "project").rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            place = origin / file.relative_to(SCENE / "project")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    _git(origin, "init", "--quiet")
    _git(origin, "add", "--all")
    _git(origin, "commit", "--quiet", "--message=base")
    repo = open_repository(origin)
    tree = create_worktree(repo, build_id="B-0001", workflow_id=WORKFLOW, root=home / "trees", base=repo.head)
    settings = ProjectSettings(test_timeout=120.0)
    return Bench(
        repo,
        tree,
        repo.head,
        detect(),
        own_toolchain(),
        settings,
        memory,
        memory,
        home / "scratch",
        home / "cache",
    )


@dataclass(frozen=True)
class Row:
    """One gate: seconds in all, those of its commands added up, those in which none ran, and how many ran."""

    name: str
    total: float
    commands: float
    own: float
    runs: int

    def __str__(self) -> str:
        share = f"{100 * self.own / self.commands:.1f} %" if self.commands else "-"
        return f"{self.name:8}{self.total:9.2f}s{self.commands:9.2f}s{self.runs:6}{self.own:9.2f}s{share:>9}"


async def measure(home: Path) -> list[Row]:
    """Collect each gate once."""
    memory = Memory()
    bench = _bench(home, memory)
    for name, source in CHANGE.items():
        (bench.worktree.path / name).write_bytes((SCENE / source).read_bytes())
    mark = checkpoint(bench.worktree, workflow_id=WORKFLOW, number=1, message="bench")
    gates: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
        ("code", lambda: collect_code(bench, mark, "p", "r")),
        ("tests", lambda: collect_tests(bench, mark, "p", "r", promises=(Promise(1, "new_test", PROOF),))),
        ("review", lambda: collect_scans(bench, mark)),
    )
    rows = []
    for name, collect in gates:
        before = len(memory.receipts)
        started = time.perf_counter()
        found = await collect()
        total = time.perf_counter() - started
        assert getattr(found, "ok", True), getattr(found, "detail", found)
        ran = list(memory.receipts.values())[before:]
        rows.append(Row(name, total, sum(r.seconds for r in ran), total - _busy(ran), len(ran)))
    return rows


def _busy(receipts: list[Receipt]) -> float:
    """Return the seconds in which at least one of the commands ran."""
    seconds, end = 0.0, 0.0
    for receipt in sorted(receipts, key=lambda receipt: receipt.at):
        start = receipt.at.timestamp()
        seconds += max(0.0, start + receipt.seconds - max(start, end))
        end = max(end, start + receipt.seconds)
    return seconds


def main() -> None:
    """Print the table, and the share of the whole."""
    with tempfile.TemporaryDirectory(prefix="qdeck-gates-") as home:
        rows = asyncio.run(measure(Path(home)))
    print(f"{'gate':8}{'in all':>10}{'commands':>10}{'runs':>6}{'own':>10}{'share':>9}")
    parts = [(row.total, row.commands, row.own, row.runs) for row in rows]
    total, commands, own, runs = (sum(column) for column in zip(*parts, strict=True))
    print(*rows, Row("whole", total, commands, own, int(runs)), sep="\n")
    verdict = "within" if own <= commands * GOAL / 100 else "above"
    print(f"{verdict} the goal of {GOAL:.0f} % of what the commands themselves take")


if __name__ == "__main__":
    main()
