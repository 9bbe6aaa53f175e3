"""Exit codes and JSON of every command, on a real journal."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.machine.states import Autonomy, Condition, State
from core.service.opening import worker_alive
from tests.cli.calls import MODEL, REQUEST, CommandLine, git
from tui.commands.follow import rest_code

FAULT = {"code", "what", "hint", "missing", "path", "why_not"}
SPECIFICATION = Path(__file__).parents[1] / "machine" / "machine.json"


def test_what_was_done_ends_with_0(used: CommandLine, repo: Path) -> None:
    """One workflow is paused, resumed, spoken to and cancelled."""
    name = used.start(repo).build_id

    paused = used("pause", name, "--reason", "lunch", "--json").ended(0).data
    resumed = used.inside("resume", name, "--no-worker", "--json").ended(0).data
    said = used.inside("chat", name, "Mind the ß, please.", "--no-worker", "--json").ended(0).data
    cancelled = used.inside("cancel", name, "--json").ended(0).data

    conditions = [a["workflow"]["condition"] for a in (paused, resumed, said, cancelled)]
    assert conditions == ["paused", "active", "active", "cancelled"]
    assert all(a["ok"] and a["refusal"] is None and a["exit_code"] == 0 for a in (paused, resumed, said))


def test_start_writes_a_workflow_down_and_returns(qdeck: CommandLine, repo: Path) -> None:
    """A new user's first build: the journal is made, the project known, the workflow in discovery."""
    options = ("--project", str(repo), "--model", MODEL, "--no-worker", "--json")

    told = qdeck("start", REQUEST, *options).ended(0).data

    view = told["workflow"]
    assert (view["build_id"], view["state"], view["condition"]) == ("B-0001", "discovery", "active")
    assert (view["models"], view["base_commit"]) == ({"default": MODEL}, git(repo, "rev-parse", "HEAD"))


def test_questions_give_one_json_object_each(used: CommandLine, repo: Path) -> None:
    """What a program needs stands under fixed keys."""
    started = used.start(repo)

    status = used("status", "b-0001", "--json").ended(0).data
    board = used.inside("status", "--json").ended(0).data
    history = used.inside("history", "B-0001", "--json").ended(0).data
    projects = used.inside("projects", "--json").ended(0).data
    stats = used.inside("stats", str(repo), "--json").ended(0).data
    paths = used.inside("config", "path", "--json").ended(0).data

    assert status["workflow_id"] == started.workflow_id
    assert [row["workflow_id"] for row in board["workflows"]] == [started.workflow_id]
    assert [event["event_type"] for event in history["events"]] == ["started"]
    assert [project["path"] for project in projects["projects"]] == [str(repo)]
    assert (stats["workflows"], stats["project_id"]) == (1, started.project_id)
    assert paths["journal"] == str(used.database)


def test_questions_are_answered_in_words_as_well(used: CommandLine, repo: Path) -> None:
    """Without --json every answer is lines for people."""
    used.start(repo)

    assert "Add slugify()" in used.inside("status", "B-0001").ended(0).out
    assert "discovery" in used.inside("status").ended(0).out
    assert "started B-0001" in used.inside("history", "B-0001").ended(0).out
    assert str(repo) in used.inside("projects").ended(0).out
    assert "1, 0 complete" in used.inside("stats").ended(0).out
    assert "model" in used.inside("config", "show").ended(0).out


def test_history_shows_the_latest_events(used: CommandLine, repo: Path) -> None:
    """A limit keeps the end of the story, not its beginning."""
    used.start(repo)
    used.inside("pause", "B-0001").ended(0)

    last = used.inside("history", "B-0001", "--limit", "1", "--json").ended(0).data["events"]

    assert [(e["seq"], e["event_type"]) for e in last] == [(2, "condition_changed")]


def test_an_unknown_id_ends_with_4(used: CommandLine) -> None:
    """No command invents a workflow or a project."""
    for verb, *rest in (
        ("status",),
        ("history",),
        ("advance",),
        ("pause",),
        ("resume",),
        ("cancel",),
        ("fork", "--at", "1"),
        ("chat", "hello"),
        ("retry", "--reason", "so"),
        ("rollback", "--to", "planning", "--reason", "so"),
        ("stats",),
    ):
        told = used.inside(verb, "B-9999", *rest, "--json").ended(4).data
        assert set(told) == FAULT and told["code"] == "unknown" and "B-9999" in told["what"], verb
    assert "B-9999" in used("status", "B-9999").ended(4).err


def test_a_refusal_ends_with_2_and_says_what_is_missing(used: CommandLine, repo: Path) -> None:
    """An advance before its evidence names what is missing, who makes it, and the way on."""
    used.start(repo, Autonomy.AUTO)

    told = used.inside("advance", "B-0001", "--no-worker", "--json").ended(2).data
    words = used("advance", "B-0001", "--no-worker").ended(2)

    assert set(told) == FAULT and told["code"] == "not_ready" and told["path"] == []
    assert [missing["what"] for missing in told["missing"]] == ["requirement"]
    assert "missing: requirement" in words.err and words.out == ""


def test_a_move_that_is_not_possible_ends_with_2(used: CommandLine, repo: Path) -> None:
    """Resuming what runs is refused, and nothing happens."""
    used.start(repo)

    told = used.inside("resume", "B-0001", "--no-worker", "--json").ended(2).data

    assert set(told) == FAULT and told["code"] == "not_possible"
    assert used.inside("status", "B-0001", "--json").data["version"] == 1


def test_without_a_terminal_nobody_approves(used: CommandLine, repo: Path) -> None:
    """In manual an advance needs a person; a pipe is none."""
    used.start(repo, Autonomy.MANUAL)

    told = used("advance", "B-0001", "--no-worker", "--json", given="y\n").ended(2).data

    assert told["code"] == "not_yours" and "terminal" in told["hint"]
    assert used.inside("status", "B-0001", "--json").data["version"] == 1


def test_a_stale_order_ends_with_5_and_moves_nothing(used: CommandLine, repo: Path) -> None:
    """An order given on an old view is not carried out on a newer workflow."""
    used.start(repo)
    used.inside("pause", "B-0001").ended(0)

    told = used("cancel", "B-0001", "--expected-version", "1", "--json").ended(5).data

    assert set(told) == FAULT and told["code"] == "stale"
    assert used.inside("status", "B-0001", "--json").data["condition"] == "paused"


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("--frobnicate",),
        ("run",),
        ("run", ""),
        ("run", "x", "--budget", "much"),
        ("run", "x", "--budget", "-1"),
        ("run", "x", "--autonomy", "wild"),
        ("start", "x", "--frob"),
        ("advance",),
        ("retry", "B-0001"),
        ("rollback", "B-0001", "--to", "mars", "--reason", "so"),
        ("chat", "B-0001", "  "),
        ("history", "B-0001", "--limit", "-1"),
        ("pause", "B-0001", "--expected-version", "soon"),
        ("demo", "--autonomy", "wild"),
        ("demo", "--last", "--no-screen"),
        ("config",),
        ("status", "a", "b"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_64_and_a_hint(qdeck: CommandLine, arguments: tuple[str, ...]) -> None:
    """One sentence on what is wrong and one on what to do; the same as JSON for programs."""
    words = qdeck.inside(*arguments).ended(64)
    told = qdeck.inside(*arguments, "--json").ended(64).data if arguments[0] != "--frobnicate" else None

    what, hint = words.err.strip().splitlines()[-2:]
    assert words.out == "" and what and hint
    assert told is None or (set(told) == FAULT and told["code"] in ("usage", "config"))


def test_wrong_usage_ends_with_64_in_a_real_process(qdeck: CommandLine) -> None:
    """The code reaches the shell, on the way through typer and on the one beside it."""
    assert "frobnicate" in qdeck("frobnicate").ended(64).err
    assert "frobnicate" in qdeck("--frobnicate").ended(64).err


def test_a_request_too_long_for_a_message_ends_with_64(qdeck: CommandLine, repo: Path) -> None:
    """It is refused before anything is written."""
    told = qdeck.inside("run", "-", "--project", str(repo), "--json", given="x" * 200_001).ended(64).data
    assert "200,000" in told["what"] and not qdeck.database.exists()


def test_a_request_of_100_kb_or_of_emoji_alone_is_taken(used: CommandLine, repo: Path) -> None:
    """It starts like any other; what it means is the Q Assistant's business."""
    used.more = {"OPENAI_API_KEY": "sk-none"}
    options = ("--project", str(repo), "--model", "openai/gpt-5-mini", "--no-worker", "--json")

    long = used.inside("start", "-", *options, given="slugify, please. " * 6_000).ended(0).data["workflow"]
    emoji = used.inside("start", "🎉🎉", *options).ended(0).data["workflow"]

    assert len(long["request"]) > 100_000 and len(long["title"]) <= 72
    assert emoji["title"] == "🎉🎉"


def test_the_machine_is_printed_as_it_is_specified(qdeck: CommandLine) -> None:
    """Other programs read the table from the command that uses it."""
    told = qdeck("machine", "--json").ended(0).data
    words = qdeck.inside("machine").ended(0).out

    specified = json.loads(SPECIFICATION.read_text())
    assert {k: told[k] for k in specified} == specified
    assert len(words.splitlines()) == 28


def test_the_doctor_looks_at_everything_and_makes_no_journal(qdeck: CommandLine) -> None:
    """What a build needs is named with what was found; looking leaves nothing behind."""
    told = qdeck("doctor", "--json").data

    names = {check["name"] for check in told["checks"]}
    assert {"python", "git", "sandbox", "journal", "worker", "models"} <= names
    assert told["ok"] == all(check["ok"] for check in told["checks"])
    assert not qdeck.database.exists()


def test_the_doctor_does_not_tick_a_model_that_is_not_there(qdeck: CommandLine) -> None:
    """None configured is no fault, and nothing that was found either."""
    lines = [line for line in qdeck("doctor").out.splitlines() if "none configured" in line]
    assert [line[0] for line in lines] == ["○"]


def test_a_budget_is_changed_and_lifted(used: CommandLine, repo: Path) -> None:
    """Dollars, or none; what is no amount is a usage error."""
    used.start(repo, Autonomy.AUTO)
    told = used.inside("budget", "B-0001", "2.50", "--no-worker", "--json").ended(0).data
    assert told["workflow"]["budget_usd"] == 2.5
    told = used.inside("budget", "B-0001", "none", "--no-worker", "--json").ended(0).data
    assert told["workflow"]["budget_usd"] is None
    for word in ("much", "nan", "inf"):
        assert used.inside("budget", "B-0001", word, "--no-worker").code not in (0, 1)


def test_a_reader_who_has_seen_enough_is_no_fault(qdeck: CommandLine) -> None:
    """`qdeck machine | head -1` ends quietly."""
    called = qdeck.open("machine")
    assert called.stdout is not None and called.stderr is not None
    called.stdout.close()
    assert called.stderr.read() == b""
    assert called.wait(60) == 0


def test_deadlines_are_given_at_the_start_and_changed_later(qdeck: CommandLine, repo: Path) -> None:
    """By flag, else by the settings; the card and the board count down; what is no span is wrong usage."""
    options = ("--project", str(repo), "--model", MODEL, "--no-worker", "--json")
    limits = ("--deadline", "4h", "--phase-deadline", "testing=30m", "--phase-deadline", "planning=1h30m")
    qdeck.more["QDECK_DEADLINES"] = "workflow=2d, deployment=1h"
    given = qdeck.inside("start", REQUEST, *options, *limits).ended(0).data["workflow"]
    kept = {d["name"]: d["limit"] for d in given["deadlines"]}
    assert kept == {"workflow": 14_400, "planning": 5_400, "testing": 1_800, "deployment": 3_600}
    assert given["due_for"] == "workflow" and given["due_at"] and given["breached"] is False

    assert "gave the testing 45m00s" in qdeck.inside("deadline", "B-0001", "45m", "--phase", "testing").out
    assert "lifted" in qdeck.inside("deadline", "b-0001", "none").ended(0).out
    qdeck.inside("deadline", "B-0001", "90", "--phase", "discovery").ended(0)
    qdeck.inside("pause", "B-0001").ended(0)
    (row,) = qdeck.inside("status", "--json").ended(0).data["workflows"]
    assert (row["due_for"], row["due_at"], row["breached"]) == ("discovery", None, "") and row["due_left"] > 0
    assert re.search(r"\[discovery: 1m\d\ds left, stands still\]", qdeck.inside("status").out)
    assert re.search(
        r"due +discovery 1m30s, 1m\d\ds left, its clock stands still", qdeck.inside("status", "B-0001").out
    )

    for words in (
        ("start", REQUEST, *options, "--deadline", "tuesday"),
        ("start", REQUEST, *options, "--phase-deadline", "testing"),
        ("start", REQUEST, *options, "--phase-deadline", "lunch=1h"),
        ("deadline", "B-0001", "1h", "--phase", "lunch"),
        ("deadline", "B-0001", "0"),
    ):
        qdeck.inside(*words).ended(64)
    qdeck.inside("deadline", "B-0009", "1h").ended(4)
    qdeck.inside("deadline", "B-0001", "1h", "--expected-version", "1").ended(5)


def test_how_a_build_rests_is_its_exit_code(used: CommandLine, repo: Path) -> None:
    """Complete 0, waiting or paused 3, failed or cancelled 1."""
    view = used.start(repo)
    codes = {c: rest_code(replace(view, condition=c)) for c in Condition if c is not Condition.ACTIVE}
    assert codes == {"waiting": 3, "paused": 3, "failed": 1, "cancelled": 1}
    assert rest_code(replace(view, state=State.COMPLETE)) == 0


def test_a_worker_ends_when_it_is_told_and_there_is_one(used: CommandLine) -> None:
    """`qdeck worker` works until it is told to end, and a second one says that one is enough."""
    first = used.open("worker")
    while not worker_alive(f"sqlite:///{used.database}"):
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    assert "is alive already" in used("worker").ended(1).err
    first.terminate()
    _, told = first.communicate(timeout=60)
    assert first.returncode == 0 and b"Traceback" not in told and b"the log is" in told
