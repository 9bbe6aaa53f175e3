"""Tools: inside the worktree, within the role's scope, bounded in what they show."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.evidence import ProjectSettings
from core.llm import ToolCall
from core.machine.states import State
from core.roles.acting import act
from core.roles.phases import PLAYS
from core.roles.tools.base import Fault, Result
from core.roles.tools.bounds import MAX_BYTES, MAX_LINES, head_and_tail, marked, unmarked
from tests.roles.stage import Killed, Stage

Use = Callable[..., Any]


async def use(stage: Stage, state: State, name: str, key: str = "turn-0-tool-0", **given: Any) -> Result:
    """Call one tool as a model would, with its arguments as JSON."""
    import json

    context = stage.context(state)
    tools = {tool.name: tool for tool in PLAYS[state].tools(context)}
    return (await act(context, tools, ToolCall("c", name, json.dumps(given)), key, False)).result


def once() -> Callable[[], str]:
    """Return fresh keys, one for each call."""
    numbers = iter(range(10_000))
    return lambda: f"turn-{next(numbers)}-tool-0"


async def test_read_shows_numbered_lines_and_where_to_go_on(stage: Stage) -> None:
    """A long file is read in pages."""
    stage.write({"long.txt": "".join(f"line {n}\n" for n in range(1, 1001))})
    key = once()

    first = await use(stage, State.DISCOVERY, "read", key(), path="long.txt")
    last = await use(stage, State.DISCOVERY, "read", key(), path="long.txt", start=999)

    assert first.text.startswith("    1\tline 1\n")
    assert f"lines 1-{MAX_LINES} of 1000; go on with start={MAX_LINES + 1}" in first.text
    assert last.text == "  999\tline 999\n 1000\tline 1000\n(long.txt: lines 999-1000 of 1000)"


async def test_what_tools_show_is_bounded_in_bytes(stage: Stage) -> None:
    """Neither long lines nor many of them flood a conversation."""
    stage.write({"wide.txt": ("é" * 5000 + "\n") * 300, "one.txt": "x" * 1_000_000})
    key = once()

    for path in ("wide.txt", "one.txt"):
        result = await use(stage, State.DISCOVERY, "read", key(), path=path)
        assert len(result.text.encode()) < MAX_BYTES + 5_000
    assert (
        len((await use(stage, State.DISCOVERY, "search", key(), pattern="x|é")).text.encode())
        <= MAX_BYTES + 99
    )


OUTSIDE = [
    "../../secret.txt",
    "/etc/passwd",
    "a/../../../secret.txt",
    ".git",
    ".git/config",
    "textkit/.GIT/hooks/x",
    "link/secret.txt",
    "secretlink",
    "x\u0000y",
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("name", ["read", "list_files", "edit", "write", "diff", "history"])
async def test_no_path_leads_out_of_the_worktree(stage: Stage, tmp_path: Path, name: str, path: str) -> None:
    """Parents, absolute paths, links and .git are refused for every tool, and nothing outside is touched."""
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("TOP SECRET")
    (stage.root / "link").symlink_to(secret.parent)
    (stage.root / "secretlink").symlink_to(secret)
    more = {"edit": {"old": "TOP", "new": "NO"}, "write": {"content": "NO"}}.get(name, {})

    result = await use(stage, State.IMPLEMENTATION, name, path=path, **more)

    assert "TOP SECRET" not in result.text
    assert secret.read_text() == "TOP SECRET"
    if name in ("read", "edit", "write") or (name in ("diff", "history") and "link" not in path):
        assert not result.ok
        assert result.fault is Fault.BLOCKED
    if name in ("edit", "write"):
        assert list(stage.desk.kinds("blocked")) == [result.text]
    assert (stage.root / ".git").is_file()


async def test_a_pipe_or_a_device_cannot_hang_a_tool(stage: Stage) -> None:
    """Only regular files are opened."""
    os.mkfifo(stage.root / "pipe")

    assert not (await use(stage, State.DISCOVERY, "read", path="pipe")).ok
    assert "pipe" not in (await use(stage, State.DISCOVERY, "list_files", "turn-1-tool-0")).text


async def test_a_binary_file_is_named_and_not_shown(stage: Stage) -> None:
    """A model gets a sentence instead of bytes."""
    (stage.root / "logo.bin").write_bytes(b"\x89PNG\0\0")
    (stage.root / "latin.txt").write_bytes("é".encode("latin-1"))
    key = once()

    assert (
        "binary file of 6 bytes" in (await use(stage, State.DISCOVERY, "read", key(), path="logo.bin")).text
    )
    assert "not UTF-8" in (await use(stage, State.DISCOVERY, "read", key(), path="latin.txt")).text
    assert "There is no file" in (await use(stage, State.DISCOVERY, "read", key(), path="nope.py")).text
    assert "is a folder" in (await use(stage, State.DISCOVERY, "read", key(), path="textkit")).text


async def test_hidden_characters_are_made_visible_and_can_still_be_edited(stage: Stage) -> None:
    """A reviewer sees what an editor hides, and what was shown can be named in an edit."""
    stage.write({"odd.py": 'access = "user\u202e"  # \u200bfine\n'})
    key = once()

    shown = await use(stage, State.IMPLEMENTATION, "read", key(), path="odd.py")
    await use(stage, State.IMPLEMENTATION, "edit", key(), path="odd.py", old='"user⟨U+202E⟩"', new='"user"')

    assert "user⟨U+202E⟩" in shown.text and "⟨U+200B⟩fine" in shown.text
    assert (stage.root / "odd.py").read_text() == 'access = "user"  # \u200bfine\n'
    assert unmarked(marked("a\u202eb\x07c")) == "a\u202eb\x07c"


async def test_search_finds_lines_and_leaves_foreign_folders_out(stage: Stage) -> None:
    """Hits have path and line; caches, environments and links are not looked into."""
    stage.write({"node_modules/x/a.py": "def hidden(): pass", "sub/b.py": "def found(): pass"})
    (stage.root / "passwd.py").symlink_to("/etc/passwd")
    key = once()

    result = await use(stage, State.VERIFICATION, "search", key(), pattern=r"def \w+\(", glob="*.py")
    none = await use(stage, State.VERIFICATION, "search", key(), pattern="root:")
    wrong = await use(stage, State.VERIFICATION, "search", key(), pattern="(")

    assert "sub/b.py:1: def found(): pass" in result.text
    assert "textkit/words.py:" in result.text and "hidden" not in result.text
    assert none.text == "Nothing was found."
    assert not wrong.ok and "not a regular expression" in wrong.text


async def test_a_pattern_that_never_ends_is_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's regular expression cannot take the worker's thread with it."""
    from core.roles.tools import search

    monkeypatch.setattr(search, "_LIMITS", replace(search._LIMITS, wall_seconds=1.0))
    stage.write({"a.txt": "a" * 40 + "!"})

    result = await use(stage, State.DISCOVERY, "search", pattern="(a+)+$")

    assert not result.ok and "took too long" in result.text


async def test_list_files_takes_a_folder_and_a_pattern(stage: Stage) -> None:
    """Both narrow it down; the worktree's own .git is not among the files."""
    key = once()
    everything = (await use(stage, State.DISCOVERY, "list_files", key())).text
    python = (await use(stage, State.DISCOVERY, "list_files", key(), path="textkit", pattern="*.py")).text

    assert "README.md" in everything and ".git/" not in everything and ".git " not in everything
    assert [line.split()[0] for line in python.splitlines()] == ["textkit/__init__.py", "textkit/words.py"]


async def test_the_history_comes_from_the_base_and_is_words_alone(stage: Stage) -> None:
    """Where a role acts there is no `.git`; it may ask for the last commits, of all or of one path."""
    whole = (await use(stage, State.DISCOVERY, "history")).text
    part = (await use(stage, State.DISCOVERY, "history", "turn-1-tool-0", path="no/such/file")).text

    assert re.search(r"[0-9a-f]{7} \d{4}-\d\d-\d\d .+: .+", whole)
    assert part == "No commit has touched that."


async def test_diff_shows_tracked_and_new_files_against_the_base(stage: Stage) -> None:
    """The reviewer's own way to history."""
    stage.write({"new.py": "x = 1\n", "README.md": "changed\n"})
    key = once()

    whole = (await use(stage, State.VERIFICATION, "diff", key())).text
    part = (await use(stage, State.VERIFICATION, "diff", key(), path="new.py")).text

    assert "+x = 1" in whole and "+changed" in whole
    assert "+x = 1" in part and "+changed" not in part


async def test_broken_python_is_told_at_once(stage: Stage) -> None:
    """The linter's word comes with the result of the write, for Python only."""
    key = once()
    bad = await use(stage, State.IMPLEMENTATION, "write", key(), path="a.py", content="def f(:\n")
    unknown = await use(stage, State.IMPLEMENTATION, "write", key(), path="b.py", content="print(nope)\n")
    fine = await use(stage, State.IMPLEMENTATION, "write", key(), path="c.py", content="x = 1\n")
    text = await use(stage, State.IMPLEMENTATION, "write", key(), path="d.md", content="def f(:\n")

    assert bad.ok and "linter" in bad.text
    assert "Undefined name `nope`" in unknown.text
    assert "linter" not in fine.text + text.text


async def test_the_projects_own_linter_configuration_is_not_read(stage: Stage) -> None:
    """A repository cannot switch the linter off or make it load anything."""
    stage.write({"ruff.toml": 'exclude = ["*"]\n', "pyproject.toml": "[tool.ruff]\nlint.ignore = ['F']\n"})

    result = await use(stage, State.IMPLEMENTATION, "write", path="b.py", content="print(nope)\n")

    assert "Undefined name `nope`" in result.text


async def test_a_file_does_not_shrink_by_accident(stage: Stage) -> None:
    """A whole file that comes back half as long is asked about first."""
    long = "value = 1\n" * 100
    stage.write({"long.py": long})
    key = once()

    refused = await use(stage, State.IMPLEMENTATION, "write", key(), path="long.py", content="value = 1\n")
    meant = await use(
        stage, State.IMPLEMENTATION, "write", key(), path="long.py", content="value = 1\n", replace=True
    )

    assert not refused.ok and "would shrink" in refused.text
    assert meant.ok and (stage.root / "long.py").read_text() == "value = 1\n"


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("tests/test_new.py", True),
        ("tests/data/case.json", True),
        ("textkit/test_inside.py", True),
        ("textkit/words.py", False),
        ("README.md", False),
        ("pyproject.toml", False),
        ("tests/../textkit/words.py", False),
        ("./textkit//words.py", False),
    ],
)
@pytest.mark.parametrize("name", ["write", "edit"])
async def test_the_test_auditor_writes_only_tests(stage: Stage, name: str, path: str, may: bool) -> None:
    """Code is out of scope in testing, by whatever spelling, and the attempt is recorded."""
    stage.write(
        {
            "tests/test_new.py": "a = 1\n",
            "tests/data/case.json": "a = 1\n",
            "textkit/test_inside.py": "a = 1\n",
        }
    )
    before = (stage.root / "textkit" / "words.py").read_text()
    given = {"content": "b = 2\n"} if name == "write" else {"old": "a = 1", "new": "b = 2"}

    result = await use(stage, State.TESTING, name, path=path, **given)

    assert result.ok == may, result.text
    assert (result.fault is Fault.BLOCKED) != may
    assert bool(stage.desk.kinds("blocked")) != may
    assert (stage.root / "textkit" / "words.py").read_text() == before


async def test_configured_test_paths_are_the_only_ones(stage: Stage) -> None:
    """What the project says of its tests replaces the usual names."""
    stage.bench = replace(stage.bench, settings=ProjectSettings(test_paths=("checks/",)))
    key = once()

    no = await use(stage, State.TESTING, "write", key(), path="tests/test_a.py", content="x")
    yes = await use(stage, State.TESTING, "write", key(), path="checks/a.py", content="x = 1\n")

    assert (no.ok, yes.ok) == (False, True)
    assert "checks/" in no.text


async def test_run_gives_output_exit_code_and_a_receipt(stage: Stage) -> None:
    """A command is carried out in the worktree, and the engine keeps what it saw."""
    result = await use(
        stage, State.IMPLEMENTATION, "run", command="echo one; echo two >&2; echo x > made.txt; exit 3"
    )

    assert "one" in result.text and "two" in result.text and "(exit code 3" in result.text
    receipt = stage.desk.receipts["turn-0-tool-0"]
    assert (receipt.kind, receipt.exit_code, receipt.asked_by) == ("command", 3, "code_writer")
    assert receipt.tree_before != receipt.tree_after
    assert (stage.root / "made.txt").read_text() == "x\n"
    assert "one" in "".join(stage.desk.streamed)


async def test_run_uses_the_projects_interpreter(stage: Stage) -> None:
    """`python -m pytest` means the environment that the engine uses too."""
    result = await use(stage, State.IMPLEMENTATION, "run", command="python -m pytest -q")

    assert "7 passed" in result.text


async def test_a_command_reaches_neither_git_nor_home_nor_the_network(stage: Stage) -> None:
    """The worktree is all that there is."""
    command = (
        "git log 2>&1 | head -1; ls -A ~ | wc -l; cat .git; rm -f .git; "
        "python -c \"import socket; socket.create_connection(('1.1.1.1', 53), 2)\" 2>&1 | tail -1"
    )
    result = await use(stage, State.IMPLEMENTATION, "run", command=command)

    assert "gitdir" not in result.text
    assert "unreachable" in result.text or "not permitted" in result.text or "Errno" in result.text
    assert (stage.root / ".git").read_text().startswith("gitdir:")


async def test_the_auditors_commands_run_on_a_copy(stage: Stage) -> None:
    """Whoever may write only tests cannot change code through a shell."""
    stage.write({"tests/test_new.py": "def test_new(): pass\n"})
    command = "ls tests; echo broken > textkit/words.py; rm -rf tests; ls; exit 0"

    result = await use(stage, State.TESTING, "run", command=command)

    assert "test_new.py" in result.text
    assert "broken" not in (stage.root / "textkit" / "words.py").read_text()
    assert (stage.root / "tests" / "test_new.py").exists()
    assert not list(stage.bench.scratch.glob("copy-*"))


async def test_a_command_that_takes_too_long_is_ended(stage: Stage) -> None:
    """The model is told, and gets what was printed until then."""
    result = await use(stage, State.IMPLEMENTATION, "run", command="echo begun; sleep 60", timeout=1)

    assert "begun" in result.text and "stopped after 1 seconds" in result.text


def test_long_output_loses_its_middle() -> None:
    """Head and tail stay, the tail longer, since that is where the verdict is; escapes are gone."""
    data = b"".join(b"\x1b[31mline %d\x1b[0m\n" % n for n in range(10_000))

    text = head_and_tail(data)

    assert text.startswith("line 0\nline 1\n") and "line 9999" in text
    assert "left out" in text and "\x1b" not in text
    assert len(text.encode()) < MAX_BYTES + 200


async def test_an_edit_that_a_crash_interrupted_is_not_made_twice(stage: Stage) -> None:
    """The file was written, the result was not kept: the repetition finds the work done."""
    stage.write({"n.py": "n = 1\n"})
    given = {"path": "n.py", "old": "1", "new": "11"}
    stage.steps.die_at = "turn-0-tool-0"
    with pytest.raises(Killed):
        await use(stage, State.IMPLEMENTATION, "edit", **given)
    assert (stage.root / "n.py").read_text() == "n = 11\n"

    again = await use(stage, State.IMPLEMENTATION, "edit", **given)

    assert again.ok
    assert (stage.root / "n.py").read_text() == "n = 11\n"


async def test_a_kept_result_is_not_worked_for_again(stage: Stage) -> None:
    """The same key again gives the same answer and touches nothing."""
    first = await use(stage, State.IMPLEMENTATION, "write", path="a.txt", content="one\n")
    (stage.root / "a.txt").write_text("changed since\n")

    again = await use(stage, State.IMPLEMENTATION, "write", path="a.txt", content="one\n")

    assert again == first
    assert (stage.root / "a.txt").read_text() == "changed since\n"


async def test_a_tool_of_another_state_is_blocked_and_recorded(stage: Stage) -> None:
    """The Overseer has no write; asking for it is out of scope and no mere mistake."""
    result = await use(stage, State.VERIFICATION, "write", path="a.py", content="x")

    assert result.fault is Fault.BLOCKED
    assert stage.desk.kinds("blocked") == [result.text]
    assert not (stage.root / "a.py").exists()


async def test_an_invented_tool_is_a_mistake_and_not_a_crime(stage: Stage) -> None:
    """The model is told which tools there are."""
    result = await use(stage, State.VERIFICATION, "approve_everything")

    assert result.fault is Fault.FORMAT
    assert "submit_review" in result.text
