"""The README says only what is so: commands, pictures, codes and settings are compared with the program."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer

from core.config import load_settings
from core.config_values import PARSERS
from core.errors import ExitCode
from core.machine.states import Autonomy
from tui.commands.menu import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> dict[str, set[str]]:
    """Every command of `qdeck` and its options, from the parser itself."""
    group = typer.main.get_command(app)
    found: dict[str, set[str]] = {}

    def walk(command: object, path: str) -> None:
        for name, child in getattr(command, "commands", {}).items():
            options = {word for p in child.params for word in (*p.opts, *p.secondary_opts)}
            found[f"{path}{name}"] = options
            walk(child, f"{path}{name} ")

    walk(group, "")
    found["demo"] = {"--no-screen", "--json", "--autonomy", "--keep", "--last"}
    return found


def mentioned() -> list[list[str]]:
    """Every `qdeck …` that the README shows, as words."""
    inline = re.findall(r"`(qdeck [^`]+)`", README)
    shown = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    calls = [m for line in [*inline, *shown] for m in re.findall(r"\bqdeck [^&>#]*", line)]
    return [shlex.split(call)[1:] for call in calls]


def block(first: str) -> str:
    """The shell block of the README that begins so, as it is printed."""
    [text] = [text for kind, text in BLOCKS if kind == "sh" and text.startswith(first)]
    return text


def line(begins: str) -> str:
    """The command that the README shows within its text and that begins so, as it is printed."""
    [text] = {text for text in re.findall(r"`(qdeck [^`]+)`", README) if text.startswith(begins)}
    return text


def test_every_command_that_the_readme_shows_exists() -> None:
    """With every option that it is shown with."""
    known = commands()
    shown = mentioned()
    assert len(shown) > 12
    for words in shown:
        if words[0] == "COMMAND":
            continue
        name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        assert name in known, words
        options = {word for word in words if word.startswith("--")} - {"--help"}
        assert options <= known[name], words


def test_every_command_is_in_the_readme() -> None:
    """Nobody has to guess what there is."""
    told = " ".join(re.findall(r"`([^`\n]+)`", README.replace("```", "")))
    assert [name for name in commands() if name != "config" and name.split()[-1] not in told] == []


def test_every_picture_of_the_readme_is_there() -> None:
    """A broken picture is worse than none."""
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures and [p for p in pictures if not (ROOT / p).is_file()] == []


def test_every_link_to_a_file_leads_somewhere() -> None:
    """Links inside the repository point at what is in it."""
    links = [link for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_exit_codes_of_the_readme_are_the_programs() -> None:
    """They are public interface."""
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert table == {value for name, value in vars(ExitCode).items() if name.isupper()}


@pytest.mark.parametrize("autonomy", list(Autonomy))
def test_every_autonomy_is_explained(autonomy: Autonomy) -> None:
    """Each has its row."""
    assert re.search(rf"^\| `{autonomy.value}`", README, re.MULTILINE)


def test_the_settings_of_the_readme_are_taken(tmp_path: Path) -> None:
    """Both files are read as they are printed."""
    user, project = (text for kind, text in BLOCKS if kind == "toml")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(user, encoding="utf-8")

    settings = load_settings(project.encode(), env={"QDECK_HOME": str(tmp_path)})

    assert settings.model and settings.models and settings.ignored == ()
    assert settings.coverage_floor == 90
    assert {ask.key for ask in settings.asks} == {k for k in tomllib.loads(project) if k.endswith("_command")}
    assert set(tomllib.loads(user)) | set(tomllib.loads(project)) <= set(PARSERS)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """It takes the command from between the marks, so exactly one must stand there."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    sed = re.search(r"\$\((sed .*?README\.md)\)", script)
    assert sed is not None
    found = subprocess.run(["bash", "-c", sed[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = found.stdout.strip().splitlines()
    assert len(lines) == 1 and "pytest" in lines[0]
    assert lines[0] in README
