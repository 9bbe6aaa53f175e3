"""The code, review and smoke gates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from core.errors import ProjectError
from core.evidence import (
    CHECKLIST,
    Finding,
    References,
    Scans,
    bind,
    collect_code,
    collect_smoke,
    collect_tests,
    review_evidence,
    review_references,
    run_configured,
)


def reasons(evidence: Any) -> str:
    """Return all failures as one text."""
    return "\n".join(f"{f['name']}: {f['text']}" for f in evidence.detail["failures"])


async def code(workshop: Any, checkpoint: Any) -> Any:
    """Collect the code evidence."""
    return await collect_code(workshop.bench, checkpoint, "plan", "requirement")


async def test_a_change_built_on_the_base_opens_the_code_gate(calc: Any) -> None:
    """The evidence says what changed and is bound to the checkpoint's tree."""
    checkpoint = calc.change({"calc.py": "def double(n):\n    return n + n\n"})

    evidence = await code(calc, checkpoint)

    assert evidence.ok, reasons(evidence)
    assert evidence.summary == "1 file, +1 −1"
    assert evidence.rests_on["tree"] == checkpoint.tree
    assert evidence.detail["files"] == [{"path": "calc.py", "status": "modified", "added": 1, "removed": 1}]


async def test_a_claim_without_a_change_is_refused(calc: Any) -> None:
    """A checkpoint that equals the base is no work."""
    evidence = await code(calc, calc.change({}))

    assert not evidence.ok and "nothing was built" in evidence.summary


async def test_a_checkpoint_that_is_not_what_it_says_is_refused(calc: Any) -> None:
    """Ref, commit and tree must agree; a missing commit is a clear error."""
    checkpoint = calc.change({"calc.py": "x = 1\n"})

    other_tree = await code(calc, replace(checkpoint, tree="0" * 40))
    other_ref = await code(calc, replace(checkpoint, ref="refs/heads/main"))

    assert not other_tree.ok and "another tree" in reasons(other_tree)
    assert not other_ref.ok and "does not point" in reasons(other_ref)
    with pytest.raises(ProjectError, match="not in the repository"):
        await code(calc, replace(checkpoint, commit="0" * 40))


async def test_conflict_markers_and_giant_files_are_refused(calc: Any) -> None:
    """What nobody meant to commit is named with its place."""
    evidence = await code(
        calc, calc.change({"calc.py": "<<<<<<< ours\nx = 1\n", "big.txt": "x" * (11 << 20)})
    )

    assert not evidence.ok
    assert "calc.py:1" in reasons(evidence)
    assert "big.txt: is 11 MiB big" in reasons(evidence)


async def test_changed_dependencies_need_a_persons_yes(calc: Any) -> None:
    """A new dependency shuts the gate until a person accepts it by its key; then it stays listed."""
    checkpoint = calc.change({"requirements.txt": "six\n"})

    refused = await code(calc, checkpoint)
    (asked,) = refused.detail["failures"]
    calc.accept(asked["key"])
    accepted = await code(calc, checkpoint)

    assert not refused.ok and "dependencies changed: requirements.txt" in reasons(refused)
    assert asked["askable"] and accepted.ok and not accepted.detail["failures"]
    assert [f["accepted"] for f in accepted.detail["accepted"]] == ["accepted by ada: it is meant so"]


def answers(reference: str = "calc.py:1") -> list[dict[str, str]]:
    """Return a whole checklist."""
    return [
        {"point": point, "verdict": "pass", "answer": "looked at", "reference": reference}
        for point in CHECKLIST
    ]


def review(checklist: list[dict[str, str]], scans: Scans | None = None, **options: Any) -> Any:
    """Return the review evidence over one changed file of three lines."""
    known = References({"calc.py": 3}, frozenset(("r1", "lint")), frozenset((1, 2)))
    given = {"verdict": "approve", "reviewer": "verification_overseer", **options}
    rests_on = {"tree": "t", "plan": "p", "requirement": "q"}
    return review_evidence(scans or Scans(), checklist, references=known, rests_on=rests_on, **given)


def test_a_finding_is_accepted_by_its_key_alone_and_stays_listed() -> None:
    """One yes opens one finding; a no is told to the role and is not asked again."""
    found = [Finding("bandit", f"B10{n}", "high", "calc.py", n, "bad", f"{n}" * 24) for n in (1, 2)]
    shut = review(answers(), Scans(tuple(found)))
    keys = [failure["key"] for failure in shut.detail["failures"]]
    one = review(answers(), Scans(tuple(found)), accepted={keys[0]: "accepted by ada: a test key"})
    both = review(answers(), Scans(tuple(found)), accepted=dict.fromkeys(keys, "accepted by ada: fine"))
    no = review(answers(), Scans(tuple(found)), declined={keys[1]: "A person said no (ada: mend it)"})

    assert not shut.ok and not one.ok and both.ok
    assert [failure["key"] for failure in one.detail["failures"]] == keys[1:]
    assert [f["accepted"] for f in one.detail["findings"]] == ["accepted by ada: a test key", ""]
    assert "2 accepted by a person" in both.summary
    assert not no.detail["failures"][1]["askable"] and "mend it" in no.detail["failures"][1]["text"]


@pytest.mark.parametrize(
    "reference",
    [
        "calc.py",
        "calc.py:3",
        "calc.py:1-3",
        "r1",
        "receipt lint",
        "criterion 2",
        "calc.py:1, r1; criterion 1",
    ],
)
def test_an_answer_may_point_at_a_file_a_receipt_or_a_criterion(reference: str) -> None:
    """Everything that is really there is a good reference."""
    assert review(answers(reference)).ok


@pytest.mark.parametrize(
    "reference",
    ["", "calc.py:4", "calc.py:3-1", "other.py", "r9", "criterion 3", "the diff", "calc.py:1, nothing"],
)
def test_an_answer_that_points_at_nothing_is_refused(reference: str) -> None:
    """A reference that is not live is named with what would do."""
    evidence = review(answers(reference))

    assert not evidence.ok
    assert "points at nothing real" in reasons(evidence)


def test_a_review_must_be_whole_approving_and_somebody_elses() -> None:
    """A missing point, an empty answer, another verdict and the writer's own approval all shut the gate."""
    empty = [*answers()[:7], {**answers()[7], "answer": " "}]
    doubled = [*answers()[:7], answers()[0]]

    assert not review(answers()[:7]).ok
    assert not review(empty).ok
    assert not review(doubled).ok
    assert not review(answers(), verdict="reject").ok
    assert not review(answers(), reviewer="code_writer").ok
    assert not review([{**item, "verdict": "fail"} for item in answers()]).ok


def test_a_finding_outweighs_an_approval() -> None:
    """A new finding shuts the gate whatever the reviewer says; advice does not; a silent scanner does."""
    danger = Finding("bandit", "B324", "high", "calc.py", 2, "weak hash", "f")

    refused = review(answers(), Scans((danger,)))

    assert not refused.ok and "calc.py:2: bandit B324" in refused.summary
    assert review(answers(), Scans((replace(danger, severity="low"),))).ok
    known = review(answers(), Scans(old=(danger,)))
    assert known.ok and [f["rule"] for f in known.detail["old_findings"]] == [danger.rule]
    assert not review(answers(), Scans(problems=("bandit gave no answer",))).ok


async def test_references_are_read_from_the_reviewed_commit(calc: Any) -> None:
    """Changed files count with their lines in that commit, and the binding is to its tree."""
    checkpoint = calc.change({"calc.py": "a = 1\nb = 2\n"})

    known = review_references(calc.bench, checkpoint.commit, criteria=[1], receipts=["r1"])

    assert known.live("calc.py:2") and not known.live("calc.py:3")
    assert not known.live("tests/test_calc.py")
    assert bind(calc.bench, checkpoint.commit, "p", "q") == {
        "requirement": "q",
        "plan": "p",
        "tree": checkpoint.tree,
    }


async def test_smoke_runs_the_tests_on_a_clean_copy(calc: Any) -> None:
    """Without a smoke command the tests of the shipped commit are run; red is told with the failing test."""
    good = calc.change({"calc.py": "def double(n):\n    return n + n\n"})
    green = await collect_smoke(calc.bench, good.commit, "plan", "requirement", earlier=("r0",))
    bad = calc.change({"calc.py": "def double(n):\n    return n\n"})
    red = await collect_smoke(calc.bench, bad.commit, "plan", "requirement")

    assert green.ok and green.summary == "2 passed on a clean copy"
    assert green.rests_on["tree"] == good.tree and green.detail["receipts"][0] == "r0"
    assert not red.ok and "tests.test_calc::test_double" in reasons(red)


async def test_code_cannot_tell_the_smoke_run_from_the_test_run(calc: Any) -> None:
    """Both are run by the same words, with the same modules and variables, in folders of the same look."""
    tests = (
        "import os, sys\n\nfrom calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
        "    print('SEEN', sorted(sys.modules), sorted(os.environ.items()), sys.argv, os.getcwd(), "
        "sys.gettrace() is None, sorted(os.listdir(os.path.dirname(os.getcwd()))))\n    assert False\n"
    )
    change = calc.change({"tests/test_calc.py": tests})

    await collect_tests(calc.bench, change, "plan", "requirement")
    await collect_smoke(calc.bench, change.commit, "plan", "requirement")

    runs = [r for r in calc.record.receipts.values() if r.key.startswith(("tests:new:", "tests:smoke:"))]
    seen = [re.findall("SEEN.*", r.text(500_000)) for r in runs]
    told = [re.sub(r"run-[0-9a-f]+", "run", str([r.argv, line])) for r, line in zip(runs, seen, strict=True)]
    assert len(runs) == 2 and all(seen) and told[0] == told[1]


async def test_a_configured_smoke_command_decides(calc: Any) -> None:
    """The command runs contained on the export, with its own receipt."""
    checkpoint = calc.change({"calc.py": "def double(n):\n    return n + n\n"})
    calc.configure(smoke_command=("python", "-c", "import calc; assert calc.double(2) == 4"))
    green = await collect_smoke(calc.bench, checkpoint.commit, "plan", "requirement")
    calc.configure(smoke_command=("python", "-c", "print('no way'); raise SystemExit(7)"))
    red = await collect_smoke(calc.bench, checkpoint.commit, "plan", "requirement")

    assert green.ok
    assert not red.ok and "exit 7" in red.summary and "no way" in reasons(red)


async def test_a_deploy_command_cannot_change_what_it_ships(calc: Any) -> None:
    """The tree of a deploy is read-only."""
    checkpoint = calc.change({"calc.py": "x = 1\n"})
    write = ("python", "-c", "open('calc.py', 'w')")

    done = await run_configured(calc.bench, "deploy", write, checkpoint.commit)

    assert not done.receipt.ok and done.receipt.kind == "deploy"
    assert "Read-only" in done.receipt.text() or "Permission" in done.receipt.text()
