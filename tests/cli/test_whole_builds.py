"""Whole builds from the command line, in real processes: the demo, `qdeck run`, and what interrupts them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.calls import MODEL, REQUEST, CommandLine, git
from tests.llm.openai_server import Fault, OpenAIServer, Reply
from tests.llm.scenario_server import scenario_responder
from tests.test_docs import block, line

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


def workers_of(qdeck: CommandLine) -> list[psutil.Process]:
    """The worker processes of this home."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("QDECK_HOME", "").startswith(str(qdeck.home))
            if mine and "--once" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for_worker(qdeck: CommandLine) -> psutil.Process:
    """Wait until a worker of this home lives."""
    end = time.monotonic() + 60
    while not (found := workers_of(qdeck)):
        assert time.monotonic() < end, "no worker came up"
        time.sleep(0.05)
    return found[0]


def test_the_demo_plays_itself_to_the_merge(qdeck: CommandLine, tmp_path: Path) -> None:
    """Exit code 0, only JSON on standard output; main holds the merge, and its own tests pass by hand."""
    place = tmp_path / "shown"

    played = qdeck("demo", "--no-screen", "--json", "--keep", str(place)).ended(0)

    told = played.data
    assert (told["exit_code"], told["repository"]) == (0, str(place))
    assert told["workflow"]["state"] == "complete" and told["workflow"]["retries_used"] == 2
    assert "(T16 retry)" in played.err and "(T17 retry)" in played.err and "complete" in played.err
    assert len(git(place, "log", "--merges", "--format=%H", "main").splitlines()) == 1
    assert git(place, "status", "--porcelain") == ""
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0 and "22 passed" in tests.stdout, tests.stdout
    assert not workers_of(qdeck)
    assert not qdeck.database.exists(), "the user's own journal knows nothing of the demo"


def test_a_run_without_a_terminal_waits_with_3_and_is_approved_at_one(qdeck: CommandLine, repo: Path) -> None:
    """The README's first block, as it is printed: in gated the plan waits.

    A yes at a terminal is told what it approves and by which digest.
    """
    place = qdeck.home.parent / "code" / "my-project"
    place.parent.mkdir()
    repo.rename(place)
    with OpenAIServer(respond=scenario_responder(MODEL)) as server:
        script = block("cd ~/code/my-project").replace(
            "OPENAI_API_KEY=…", "OPENAI_API_KEY=sk-test-0123456789"
        )
        env = {"HOME": str(qdeck.home.parent), "OPENAI_API_BASE": server.url}
        ran = qdeck.shell(script, Path("/"), **env)
        out, err = ran.communicate(timeout=250)
    assert ran.returncode == 3, (out, err)
    assert {seen.body["model"] for seen in server.requests} == {"gpt-5-mini"}
    waiting = qdeck.inside("status", "B-0001", "--json").data
    assert (waiting["state"], waiting["waiting_for"]) == ("planning", "approval:plan")
    assert waiting["request"] == "Add a --json flag to the export command"

    refused = qdeck("advance", "B-0001", "--no-worker", "--json").ended(2).data
    terminal = qdeck.at_terminal("advance", "B-0001", "--no-worker")
    asked = terminal.wait_for(r"Approve\? \[y/N\]")
    terminal.type("yes")
    terminal.end().ended(0)

    assert refused["code"] == "not_yours"
    assert re.search(r"approving plan [0-9a-f]{12}", asked) and "tests/test_slug.py" in asked
    view = qdeck.inside("status", "B-0001", "--json").data
    assert view["state"] == "handoff_to_coder"
    assert view["evidence"]["plan"]["approved_by"].startswith("person:")


def test_a_run_at_a_terminal_asks_and_goes_on(qdeck: CommandLine, repo: Path) -> None:
    """Three questions, three yeses, and the merge is there."""
    terminal = qdeck.at_terminal("run", REQUEST, "-p", str(repo), "-m", MODEL)
    for subject in ("plan", "review", "release"):
        terminal.wait_for(rf"approving {subject} [0-9a-f]{{12}}[^[]*Approve\? \[y/N\]")
        terminal.type("y")
    terminal.end().ended(0)

    assert len(git(repo, "log", "--merges", "--format=%H", "main").splitlines()) == 1


def test_a_worker_killed_under_a_run_is_replaced(qdeck: CommandLine, repo: Path) -> None:
    """The README's pipeline, as it is printed: it notices, starts another one and comes to the same end."""
    qdeck.more = {"QDECK_REHEARSAL_PACE": "0.01"}
    pipeline = line('qdeck run "$REQUEST"')
    assert pipeline.endswith("> build.json")
    run = qdeck.shell(pipeline, repo, REQUEST=REQUEST, QDECK_MODEL=MODEL)
    for _ in range(2):
        worker = wait_for_worker(qdeck)
        time.sleep(3)
        worker.kill()
        worker.wait(10)
    out, err = run.communicate(timeout=250)

    assert run.returncode == 0, err.decode()
    workflow = json.loads((repo / "build.json").read_bytes())["workflow"]
    assert (workflow["state"], workflow["autonomy"], workflow["budget_usd"]) == ("complete", "auto", 5)
    assert workflow["request"] == REQUEST and out == b"" and b"Traceback" not in err


def test_a_run_that_is_interrupted_keeps_what_it_has(qdeck: CommandLine, repo: Path) -> None:
    """Exit code 130, no worker left behind, the workflow active where it was."""
    qdeck.more = {"QDECK_REHEARSAL_PACE": "0.02"}
    run = qdeck.open("run", REQUEST, "-p", str(repo), "-m", MODEL, "--autonomy", "auto")
    wait_for_worker(qdeck)
    time.sleep(3)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert run.returncode == 130 and b"keeps what it has" in err and b"Traceback" not in err
    assert not workers_of(qdeck)
    assert qdeck.inside("status", "B-0001", "--json").data["condition"] == "active"


@pytest.mark.parametrize(
    ("fault", "words"),
    [(Fault.UNAUTHORIZED, "refused the key"), (Fault.UNKNOWN_MODEL, "has no model named some-model")],
)
def test_a_run_whose_server_says_no_ends_with_1_and_the_reason(
    qdeck: CommandLine, repo: Path, fault: Fault, words: str
) -> None:
    """A wrong key or model fails the build in its phase, with one sentence on what to do."""
    with OpenAIServer(respond=lambda body: Reply("", fault=fault)) as server:
        qdeck.more = {"OPENAI_API_KEY": "sk-wrong", "OPENAI_API_BASE": server.url}
        options = ("-p", str(repo), "-m", "openai/some-model", "--json")
        told = qdeck("run", "Add a clock", *options).ended(1).data

    assert (told["workflow"]["state"], told["workflow"]["condition"]) == ("discovery", "failed")
    assert words in told["text"] and "qdeck resume" in told["text"]


BARE = """
import sys
if "core.engine" in sys.orig_argv:
    from core.sandbox import detection
    detection.candidates = lambda: []
"""
"""What Python runs first on a machine on which nothing can contain a command."""


def test_a_run_where_nothing_can_be_contained_refuses_until_the_user_says_so(
    qdeck: CommandLine, repo: Path
) -> None:
    """It fails in its phase with the reason and both ways on."""
    (qdeck.home.parent / "sitecustomize.py").write_text(BARE)
    qdeck.more = {"PYTHONPATH": str(qdeck.home.parent)}

    told = qdeck("run", REQUEST, "-p", str(repo), "-m", MODEL, "--autonomy", "auto", "--json").ended(1).data

    assert (told["workflow"]["state"], told["workflow"]["condition"]) == ("discovery", "failed")
    assert "Nothing on this machine can contain a command" in told["text"]
    assert "bubblewrap" in told["text"] and "unsandboxed" in told["text"]
