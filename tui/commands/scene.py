"""Sets the demo's scene, in a process of its own: a scratch repository, a journal, a workflow that starts.

The app must not pay for git and a database library before its first frame, so this runs as a child and
prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from core.config import DEMO_MODEL, load_settings
from core.errors import ProjectError, QdeckError
from core.machine.states import Autonomy

_GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", "-c", "init.templateDir=")
_AUTHOR = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "2026-01-01T09:00:00+00:00"}


def scenario() -> Traversable:
    """The folder of the demo's scenario inside the package."""
    return files("prompts").joinpath(*DEMO_MODEL.split("/"))


def request() -> str:
    """What the demo asks to be built."""
    text = scenario().joinpath("scenario.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["requests"][0])


def make_repository(folder: Path) -> None:
    """Make the scratch repository: the small package and its tests, in one commit on main."""
    if folder.exists() and any(folder.iterdir()):
        raise ProjectError(f"{folder} is not empty.", "Name a folder that is not there yet.")
    _copy(scenario().joinpath("project"), folder)
    _git(folder, "init", "--quiet")
    # `git init -b` is younger than some gits that are still around.
    _git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "textkit: small tools for text")


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in source.iterdir():
        if item.name == "__pycache__":
            continue
        if item.is_dir():
            _copy(item, target / item.name)
        else:
            (target / item.name).write_bytes(item.read_bytes())


def _git(folder: Path, *words: str) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env |= {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in _AUTHOR.items()}
    try:
        done = subprocess.run(
            [*_GIT, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ProjectError(
            "git is not installed.", "Install git; qdeck builds in git repositories."
        ) from error
    if done.returncode:
        raise ProjectError("The scratch repository could not be made.", done.stderr.strip()[-300:])


async def begin(repository: Path, autonomy: Autonomy) -> dict[str, str]:
    """Make the repository known and start the workflow in it."""
    from core.service import OrchestrationService

    service = await OrchestrationService.open(load_settings().database_url)
    try:
        project = await service.register_project(str(repository), default_branch="main")
        answer = await service.start_workflow(
            project.project_id, request(), autonomy=autonomy, models={"default": DEMO_MODEL}
        )
        if answer.workflow is None:
            raise QdeckError(answer.text)
        return {
            "repository": str(repository),
            "workflow_id": answer.workflow.workflow_id,
            "build_id": answer.workflow.build_id,
            "title": answer.workflow.title,
            "model": DEMO_MODEL,
        }
    finally:
        await service.close()


def main() -> int:
    """Set the scene where the arguments say and print it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--autonomy", type=Autonomy, default=Autonomy.GATED)
    options = parser.parse_args()
    try:
        make_repository(options.repository)
        told: dict[str, object] = {"ok": True, **asyncio.run(begin(options.repository, options.autonomy))}
    except QdeckError as error:
        told = {"ok": False, "what": error.what, "hint": error.hint}
    except OSError as error:
        told = {"ok": False, "what": f"The scratch repository could not be made: {error}.", "hint": ""}
    print(json.dumps(told))
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
