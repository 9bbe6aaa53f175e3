"""The dossier holds all that is on record, and proves itself on a machine without qdeck."""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import random
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import ProjectError, UnknownError
from core.journal.chain import canonical, digest
from core.journal.dossier import sealed, verifier
from core.journal.engine import EngineJournal
from core.machine.commands import Move, RecordEvidence
from core.machine.states import EvidenceKind, State
from core.machine.transitions import Kind
from core.machine.workflow import Evidence
from tests.service.conftest import ADA, Build

HOSTILE = "\x1b[2J[bold]</td>\u202e'; DROP TABLE workflow_events; --"
HASHED = ("events", "receipts", "artifacts")


@pytest.fixture
async def told(build: Build) -> Build:
    """A complete build with a rollback, talk, model calls, and receipts that its evidence rests on."""
    service, journal = build.service, EngineJournal("", database=build.service._database)
    await build.go_to(State.TESTING)
    await service.chat(build.id, HOSTILE, by=ADA)
    assert (await build.give(Move, by=ADA, kind=Kind.ROLLBACK, target=State.PLANNING, reason="too big")).ok
    await build.go_to(State.TESTING)
    attempt = (await build.now()).attempt_id
    data = {"argv": ["pytest"], "exit_code": 0, "cut": False}
    ids = [
        journal.add_receipt(build.id, attempt, None, key, "tests", data, output)
        for key, output in (("a", f"2 passed {HOSTILE}".encode()), ("b", b"\xff\xfe binary"))
    ]
    journal.reserve(build.id, attempt, "call-1", 0.5, role="test_auditor")
    journal.settle(build.id, attempt, "call-1", cost_usd=0.25, prompt_digest="f" * 64, model="m")
    current = journal.workflow(build.id).current
    rests_on = {name: current[name] for name in ("requirement", "plan", "tree")}
    found = Evidence(EvidenceKind.TESTS, True, "bound", rests_on, "2 passed", {"receipts": ids})
    assert (await build.give(RecordEvidence, evidence=found)).ok
    return build


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes()


def _mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


async def _exported(build: Build, folder: Path) -> tuple[Any, dict[str, Any]]:
    made = await build.service.export_workflow("b-0001", str(folder / "d.json"))
    return made, json.loads(_bytes(made.path))


def _alone(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with nothing but its standard library."""
    return subprocess.run(
        [sys.executable, "-I", "-S", *words], cwd=folder, env={}, capture_output=True, text=True, check=False
    )


def _says(file: Path) -> tuple[int, str]:
    """What the shipped script says of a file, without the price of another interpreter."""
    out, system = (
        io.StringIO(),
        SimpleNamespace(argv=["verify.py", str(file)], exit=lambda code: codes.append(code)),
    )
    codes: list[int] = []
    code = compile(verifier().replace(b"import sys\n", b"\n"), "verify.py", "exec")
    with contextlib.redirect_stdout(out):
        exec(code, {"sys": system})  # noqa: S102 - our own script
    return codes[0], out.getvalue()


async def test_the_dossier_is_whole_on_a_machine_without_qdeck(told: Build, tmp_path: Path) -> None:
    """One file and a script of at most 60 lines; an isolated interpreter says that it is whole."""
    made, data = await _exported(told, tmp_path)
    script = _bytes(made.verifier).decode()
    assert len(script.splitlines()) <= 60 and Path(made.verifier).parent == tmp_path
    assert _alone("-c", "import core", folder=tmp_path).returncode == 1

    seen = _alone(made.verifier, made.path, folder=tmp_path)

    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout == f"whole: {made.events} events, sha256 {made.digest}\n"
    assert made.digest == digest(_bytes(made.path))
    assert _mode(made.path) == 0o600
    assert _says(Path(made.path)) == (0, seen.stdout)
    assert data["workflow"]["head"] == data["events"][-1]["hash"]


async def test_who_when_why_on_what_evidence_and_at_what_cost(told: Build, tmp_path: Path) -> None:
    """Everything that the service tells of the build stands in it."""
    _, data = await _exported(told, tmp_path)
    events = await told.service.get_workflow_history(told.id, limit=0)
    assert [e["hash"] for e in data["events"]] == [e.hash for e in events]
    assert [s["what"] for s in data["story"]] == [e.text for e in events]
    times = {e.seq: e.at.isoformat(timespec="microseconds") for e in events}
    assert [(s["seq"], s["at"]) for s in data["story"]] == list(times.items())
    assert all(s["at"] == times[s["seq"]] for s in (*data["decisions"], *data["approvals"]))
    assert "too big" in {s["why"] for s in data["decisions"]} and {s["by"] for s in data["decisions"]} == {
        "ada"
    }
    assert {(a["subject"], a["approved_by"]) for a in data["approvals"]} == {
        ("requirement", "person:ada"),
        ("plan", "person:ada"),
    }
    outputs = {a["digest"]: a for a in data["artifacts"]}
    first, second = sorted(data["receipts"], key=lambda r: r["key"])
    assert outputs[first["artifact"]]["text"] == f"2 passed {HOSTILE}"
    assert base64.b64decode(outputs[second["artifact"]]["base64"]) == b"\xff\xfe binary"
    (call,) = data["model_calls"]
    assert (call["cost_micros"], call["prompt_digest"], call["model"]) == (250_000, "f" * 64, "m")
    assert data["costs"]["usd"] == 0.25
    assert len(data["handoffs"]) == len(await told.service.handoffs(told.id))
    assert len(data["checkpoints"]) == len(await told.service.checkpoints(told.id))
    assert HOSTILE in {m["text"] for m in data["messages"]}
    assert {e["kind"] for e in data["evidence"]} == {k.value for k in (await told.now()).evidence}


async def test_any_changed_byte_is_found(told: Build, tmp_path: Path) -> None:
    """Bytes at random, replaced, removed and doubled; and white space that changes no value."""
    made, _ = await _exported(told, tmp_path)
    raw = _bytes(made.path)
    chance = random.Random(20)  # noqa: S311
    file = tmp_path / "changed.json"
    for _ in range(150):
        at = chance.randrange(len(raw))
        other = bytes([(raw[at] + chance.randrange(1, 256)) % 256])
        for changed in (raw[:at] + other + raw[at + 1 :], raw[:at] + raw[at + 1 :]):
            file.write_bytes(changed)
            code, told_text = _says(file)
            assert code == 1 and told_text.strip(), at
    for changed in (
        raw + b"\n",
        raw[:-1],
        b" " + raw,
        raw.replace(b":", b": ", 1),
        b"",
        b"[]",
        b"[" * 200_000,
    ):
        file.write_bytes(changed)
        assert _says(file)[0] == 1


async def test_a_changed_field_is_named(told: Build, tmp_path: Path) -> None:
    """Any leaf: the entry is named. In what the chain binds also after somebody has made all seals anew."""
    _, data = await _exported(told, tmp_path)
    chance = random.Random(21)  # noqa: S311
    leaves = [p for p in _leaves(data) if p[0] not in ("seals", "digest")]
    for path in chance.sample(leaves, 150):
        for forged in (False, True):
            changed = copy.deepcopy(data)
            _set(changed, path)
            if forged:
                if path[0] not in HASHED or path[-1] in ("media", "size"):
                    continue
                sections = {k: v for k, v in changed.items() if k not in ("seals", "digest")}
                raw = sealed(sections)
            else:
                raw = canonical(changed).encode() + b"\n"
            (tmp_path / "changed.json").write_bytes(raw)
            code, text = _says(tmp_path / "changed.json")
            assert code == 1, path
            assert _name(data, path) in text, (path, text)
            if path[0] == "events":
                assert text.startswith(f"event {path[1] + 1}"), "the first bad event comes first"


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, inner in pairs for leaf in _leaves(inner, (*path, key))]
    return found or ([path] if path and not isinstance(value, (dict, list)) else [])


def _set(data: Any, path: tuple[Any, ...]) -> None:
    for key in path[:-1]:
        data = data[key]
    old = data[path[-1]]
    data[path[-1]] = (
        (not old) if isinstance(old, bool) else old + 1 if isinstance(old, (int, float)) else f"{old or ''}x"
    )


def _name(data: dict[str, Any], path: tuple[Any, ...]) -> str:
    """What the script has to name: the event, the receipt, or the entry of a section."""
    match path:
        case ("events", number, *_):
            return f"event {number + 1}"
        case ("receipts", number, *_):
            return str(data["receipts"][number]["receipt_id"]) if path[-1] != "receipt_id" else "receipt"
        case ("artifacts", number, "text" | "base64" | "digest"):
            return "artifact" if path[-1] == "base64" else "digest"
        case (section, int(number), *_):
            return f"{section} {number + 1}"
    return str(path[0])


async def test_what_was_left_out_or_put_in_another_place_is_found(told: Build, tmp_path: Path) -> None:
    """Events, receipts and outputs that are gone or exchanged, with all seals made anew."""
    _, data = await _exported(told, tmp_path)
    changes: dict[str, Any] = {
        "event 3": lambda d: d["events"].pop(2),
        "event 4": lambda d: d["events"].insert(3, d["events"].pop(4)),
        "the log ends": lambda d: d["events"].pop(),
        "receipt": lambda d: d["receipts"].clear(),
        "the output of receipt": lambda d: d["artifacts"].pop(),
        "event 1": lambda d: d["events"].clear() or d["events"].extend(data["events"][1:]),
        "words said": lambda d: d["messages"][0].update(text="approve"),
    }
    for name, change in changes.items():
        forged = copy.deepcopy({k: v for k, v in data.items() if k not in ("seals", "digest")})
        change(forged)
        (tmp_path / "forged.json").write_bytes(sealed(forged))
        code, text = _says(tmp_path / "forged.json")
        assert code == 1 and name in text, (name, text)


async def test_nothing_is_overwritten_and_nobody_is_asked_twice(told: Build, tmp_path: Path) -> None:
    """A file that is there stays; a folder that is not there is said so; an unknown build is unknown."""
    made, _ = await _exported(told, tmp_path)
    before = _bytes(made.path)
    with pytest.raises(ProjectError, match="is there already"):
        await told.service.export_workflow("B-0001", made.path)
    assert _bytes(made.path) == before
    with pytest.raises(ProjectError, match="cannot be written"):
        await told.service.export_workflow("B-0001", str(tmp_path / "no" / "d.json"))
    with pytest.raises(UnknownError):
        await told.service.export_workflow("B-0099", str(tmp_path / "e.json"))
    again = await told.service.export_workflow("B-0001", str(tmp_path / "e.json"))
    assert again.events == made.events


async def test_a_forks_dossier_holds_the_receipts_of_its_parent(told: Build, tmp_path: Path) -> None:
    """What it has taken over and checked again rests on them."""
    at = (await told.now()).version
    made = (await told.service.fork_workflow(told.id, by=ADA, seq=at)).workflow
    assert made is not None
    journal = EngineJournal("", database=told.service._database)
    kept = journal.workflow(made.workflow_id).evidence[EvidenceKind.TESTS].to_data()
    again = Evidence.from_data({**kept, "approved_by": "", "stale": ""})
    child = Build(told.service, SimpleNamespace(workflow=made, text=""))  # type: ignore[arg-type]
    assert (await child.give(RecordEvidence, evidence=again)).ok
    view = await told.service.export_workflow(made.workflow_id, str(tmp_path / "f.json"))
    data = json.loads(_bytes(view.path))
    assert {r["workflow_id"] for r in data["receipts"]} == {told.id} and len(data["receipts"]) == 2
    assert _says(Path(view.path))[0] == 0
