"""The environment of a project: found, installed once, shared, and read-only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ProjectError
from core.evidence import (
    collect_code,
    collect_tests,
    environment_commit,
    own_toolchain,
    prepare_toolchain,
)
from core.evidence.toolchain import find_uv
from core.workspace import checkpoint, create_worktree
from tests.wheels import WHEEL, wheel

TEST = (
    "from tiny_greeter import greet\nfrom app import hail\n\n\n"
    "def test_hail():\n    assert hail() == greet('you')\n"
)


def project(workshop: Any, **files: str) -> Any:
    """Open a bench on a project that needs the small package, which it brings along."""
    base = {
        WHEEL: wheel(),
        "app.py": "def hail():\n    return 'hello you'\n",
        "tests/test_app.py": TEST,
    }
    return workshop({**base, **files})


async def prepare(bench: Any, commit: str = "") -> Any:
    """Prepare the toolchain of a workshop's base, or of another commit."""
    return await prepare_toolchain(
        bench.bench.repository,
        commit or bench.bench.base,
        bench.bench.settings,
        bench.bench.sandbox,
        bench.bench.cache,
        bench.steps,
        bench.record,
    )


async def test_a_project_that_needs_packages_is_tested_with_them(workshop: Any) -> None:
    """The packages are installed once, however many builds ask at the same time, and the tests find them."""
    bench = project(workshop, **{"requirements.txt": f"./{WHEEL}\n"})

    first, second = await asyncio.gather(prepare(bench), prepare(bench))
    bench.steps.kept.clear()
    bench.bench = replace(bench.bench, toolchain=await prepare(bench))
    checkpoint = bench.change({"app.py": "def hail():\n    return f'hello {\"you\"}'\n"})
    evidence = await collect_tests(bench.bench, checkpoint, "p", "r", change="refactoring")

    assert first == second == bench.bench.toolchain
    assert bench.record.activities.count("installing the dependencies") == 1
    assert evidence.ok, evidence.detail
    assert [r.kind for r in bench.record.receipts.values()][:3] == ["setup"] * 3
    assert not (first.python.parent.parent.parent / "project").exists()


async def test_a_second_workflow_costs_its_files_and_not_the_packages(workshop: Any, tmp_path: Path) -> None:
    """Another worktree of a project with packages adds its own files: megabytes, and no environment."""
    bench = project(workshop, **{"requirements.txt": f"./{WHEEL}\n", "data.bin": "x" * (1 << 20)})
    tools = await prepare(bench)
    repo, root = bench.bench.repository, tmp_path / "worktrees"
    environment = _size_of(bench.bench.cache)
    before = _size_of(tmp_path)

    tree = create_worktree(repo, build_id="B-0002", workflow_id="2" * 32, root=root, base=repo.head)
    steps, record = type(bench.steps)(), type(bench.record)()
    second = replace(bench.bench, worktree=tree, steps=steps, record=record)
    again = await prepare(replace(bench, bench=second, steps=steps, record=record))
    second = replace(second, toolchain=again)
    (tree.path / "app.py").write_text("def hail():\n    return ' '.join(('hello', 'you'))\n")
    change = checkpoint(tree, workflow_id="2" * 32, number=1, message="step")
    evidence = await collect_tests(second, change, "p", "r", change="refactoring")

    assert evidence.ok, evidence.detail
    assert again.python == tools.python and not record.activities.count("installing the dependencies")
    added = _size_of(tmp_path) - before
    assert added < 4 << 20 < environment, (added, environment)
    assert not any(path.is_dir() and path.name == "site-packages" for path in tree.path.rglob("*"))


def _size_of(folder: Path) -> int:
    """Return the bytes that all files below a folder take; a file with two names is there once."""
    found = (path.lstat() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sum({(info.st_dev, info.st_ino): info.st_size for info in found}.values())


async def test_a_set_up_command_is_run_as_configured(workshop: Any) -> None:
    """The configured command makes the environment, in the place of what would be found."""
    bench = project(workshop)
    bench.configure(setup_command=("python", "-m", "pip", "install", "--no-index", f"./{WHEEL}"))

    bench.bench = replace(bench.bench, toolchain=await prepare(bench))
    checkpoint = bench.change({"app.py": "def hail():\n    return ' '.join(('hello', 'you'))\n"})
    evidence = await collect_tests(bench.bench, checkpoint, "p", "r", change="refactoring")

    assert evidence.ok, evidence.detail


async def test_a_changed_requirement_gets_an_environment_of_its_own_after_a_yes(workshop: Any) -> None:
    """Without a person's yes to these very files the base's environment stays, and the code gate asks."""
    bench = project(workshop, **{"tests/test_app.py": "def test_it(): pass\n"})
    checkpoint = bench.change({"requirements.txt": f"./{WHEEL}\n", "tests/test_b.py": TEST})
    repo, base = bench.bench.repository, bench.bench.base
    red = await collect_code(bench.bench, checkpoint, "p", "r")
    (asked,) = red.detail["failures"]

    assert asked["askable"] and not red.ok
    assert environment_commit(repo, base, checkpoint.commit, {}) == base
    assert environment_commit(repo, base, checkpoint.commit, {asked["key"]: "yes"}) == checkpoint.commit
    later = bench.change({"requirements.txt": f"./{WHEEL}\n# more\n"})
    assert environment_commit(repo, base, later.commit, {asked["key"]: "yes"}) == base

    before, after = await prepare(bench), await prepare(bench, checkpoint.commit)
    bench.bench = replace(bench.bench, toolchain=after, accepted={asked["key"]: "yes"})
    assert after.python != before.python == own_toolchain().python
    assert (await collect_code(bench.bench, checkpoint, "p", "r")).ok
    assert (await collect_tests(bench.bench, checkpoint, "p", "r", change="refactoring")).ok


async def test_a_set_up_that_fails_says_how_its_log_ended(workshop: Any) -> None:
    """One sentence, the end of the log and a way out; the next try starts anew."""
    bench = project(workshop, **{"requirements.txt": "./vendor/absent-1.0-py3-none-any.whl\n"})

    with pytest.raises(ProjectError) as failure:
        await prepare(bench)

    assert "could not be installed" in failure.value.what
    assert "absent" in failure.value.hint and "setup_command" in failure.value.hint
    assert not bench.steps.kept
    assert not list((bench.bench.cache / "environments").glob("*/ready.json"))


async def test_a_project_without_needs_starts_at_once(workshop: Any) -> None:
    """Nothing is installed; the project's own metadata is known all the same."""
    toml = "[project]\nname = 'calc-kit'\nversion = '1.2'\ndependencies = []\n"
    test = (
        "from importlib.metadata import version\n\n\n"
        "def test_it():\n    assert version('calc-kit') == '1.2'\n"
    )
    bench = workshop({"pyproject.toml": toml, "tests/test_a.py": test, "a.py": "x = 1\n"})

    bench.bench = replace(bench.bench, toolchain=await prepare(bench))
    evidence = await collect_tests(
        bench.bench, bench.change({"a.py": "# y\nx = 1\n"}), "p", "r", change="refactoring"
    )

    assert evidence.ok, evidence.detail
    assert bench.bench.toolchain.python == own_toolchain().python
    assert "setup" not in {r.kind for r in bench.record.receipts.values()}


def test_a_metadata_name_cannot_lead_out_of_the_cache() -> None:
    """Names that are no names are ignored."""
    from core.evidence.dependencies import Dependencies
    from core.evidence.toolchain import _with_metadata

    tools = own_toolchain()

    assert _with_metadata(tools, Dependencies(name="../../x", version="1"), Path("/nonexistent")) is tools


def test_a_shim_is_not_taken_for_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script named uv needs more than the sandbox shows; a program is taken by its real path."""
    shim = tmp_path / "uv"
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    monkeypatch.setenv("UV", str(shim))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_uv() != shim
