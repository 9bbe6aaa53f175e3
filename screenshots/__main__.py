"""Makes the pictures again: `python -m screenshots`; `--check` says which are not current."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from screenshots.scenes import (
    SCENES,
    SIZES,
    Journal,
    make_app,
    person_at_home,
    playing,
    worker_lives,
    write_journal,
    write_project,
)

FOLDER = Path(__file__).parent
SHOWN = (
    ("board", "qdeck-dark"),
    ("board", "qdeck-light"),
    ("workflow-streaming", "qdeck-dark"),
    ("evidence-large", "qdeck-dark"),
    ("diff-large", "qdeck-light"),
    ("decision-plan", "qdeck-dark"),
    ("decision-review", "qdeck-dark"),
    ("retry", "qdeck-dark"),
    ("rollback", "qdeck-light"),
    ("history", "qdeck-dark"),
    ("new", "qdeck-dark"),
    ("new-roles", "qdeck-light"),
    ("settings", "qdeck-dark"),
    ("prompts", "qdeck-light"),
    ("first", "qdeck-dark"),
    ("help", "qdeck-dark"),
    ("palette", "qdeck-dark"),
    ("statistics", "qdeck-dark"),
    ("board-empty", "qdeck-dark"),
)
"""The pictures of the README and the documentation; the tests look at every scene."""


def main() -> int:
    """Make or check the pictures."""
    parser = argparse.ArgumentParser(prog="python -m screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenes to make; all when none is named")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when a picture is not current"
    )
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder of the pictures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, person_at_home(Path(scratch)):
        changed = asyncio.run(_make(Path(scratch), options.names, options.to, check=options.check))
    for name in changed:
        print(f"{'not current' if options.check else 'written'}: {name}")
    return 1 if options.check and changed else 0


async def _make(scratch: Path, names: list[str], to: Path, *, check: bool) -> list[str]:
    scenes = {scene.name: scene for scene in SCENES}
    journals: dict[str, Journal] = {}
    project = write_project(scratch)
    changed: list[str] = []
    for name, theme in SHOWN:
        if names and name not in names:
            continue
        scene = scenes[name]
        if scene.stage not in journals:
            journals[scene.stage] = await write_journal(scene.stage, scratch / scene.stage)
        journal = journals[scene.stage]
        for size in SIZES:
            # What the person wrote for one picture and did not send is not to stand in the next.
            shutil.rmtree(scratch / "qdeck", ignore_errors=True)
            app = make_app(journal, project, theme)
            with worker_lives(journal):
                async with playing(app, size) as pilot:
                    await scene.play(app, pilot, journal)
                    picture = app.export_screenshot(title="qdeck")
            file = f"{name}-{theme.removeprefix('qdeck-')}-{size[0]}x{size[1]}.svg"
            if not (to / file).exists() or (to / file).read_text(encoding="utf-8") != picture:
                changed.append(file)
                if not check:
                    (to / file).write_text(picture, encoding="utf-8")
    return changed


sys.exit(main())
