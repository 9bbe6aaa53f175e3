"""Each criterion and what was found of the proofs that the plan names for it.

The map is for people: criterion, proof, state, and the receipt that shows it. It stands in the evidence, and
a criterion whose proof does not hold keeps the gate shut.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from core.evidence.clauses import Failure, answered, key_of
from core.evidence.commands import normal, with_interpreter
from core.evidence.control import Cut, names, without_change
from core.evidence.execution import Done, Job, execute
from core.evidence.hearing import Hearing, Promise
from core.evidence.junit import Case
from core.evidence.receipts import digest_of
from core.evidence.red_first import NEEDS_RED
from core.evidence.suites import Suite
from core.sandbox import Limits

_NAME = "criteria"


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of one promise.

    `state` is "proved" (it failed without the change and holds with it), "kept" (it held before and holds
    now), "accepted" (a person has looked), "waits" (a person has not), "not measured" or "not proved".
    """

    promise: Promise
    state: str
    why: str
    receipt: str = ""
    key: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON data."""
        told = {"kind": self.promise.kind, "proof": self.promise.proof, "state": self.state, "why": self.why}
        return {**told, "receipt": self.receipt, "key": self.key}


async def check_criteria(hearing: Hearing, base: Suite | None, new: Suite) -> list[dict[str, Any]]:
    """Check every proof that the plan names; return the map and close the clause."""
    if not hearing.promises:
        hearing.skip(_NAME, "the plan names no proofs")
        return []
    proofs: list[Proof] = []
    for promise in hearing.promises:
        match promise.kind:
            case "command":
                proofs.append(await _command(hearing, promise))
            case "person":
                proofs.append(_person(hearing, promise))
            case _:
                proofs.append(_test(hearing, promise, base, new))
    failures = list(_failures(hearing, proofs))
    stands = {failure.key for failure in answered(failures, hearing.bench.accepted, {})[1]}
    proofs = [replace(p, state="accepted") if p.key and p.key in stands else p for p in proofs]
    numbers = sorted({proof.promise.criterion for proof in proofs})
    hearing.settle(_NAME, failures, f"every proof of {len(numbers)} criteria was checked")
    return [_criterion(number, proofs) for number in numbers]


def _criterion(number: int, proofs: list[Proof]) -> dict[str, Any]:
    own = [proof for proof in proofs if proof.promise.criterion == number]
    states = [proof.state for proof in own]
    order = ("not proved", "waits", "not measured", "proved", "accepted", "kept")
    return {
        "criterion": number,
        "state": min(states, key=order.index),
        "proofs": [proof.to_data() for proof in own],
    }


def _failures(hearing: Hearing, proofs: list[Proof]) -> Iterator[Failure]:
    for proof in proofs:
        name = f"criterion {proof.promise.criterion}"
        if proof.state == "waits":
            yield Failure(name, proof.why, proof.key, askable=True)
        elif proof.state == "not proved":
            key = key_of("proof", name, proof.promise.proof)
            yield Failure(f"{name}: {proof.promise.proof}", proof.why, key)
    shown = {"proved", "waits", "accepted", "not measured"}
    if hearing.change in NEEDS_RED and not any(proof.state in shown for proof in proofs):
        text = f"every proof held before the change too: nothing shows the {hearing.change}"
        yield Failure("criteria", text)


# --- tests


def _test(hearing: Hearing, promise: Promise, base: Suite | None, new: Suite) -> Proof:
    """Look the named test up in the run: it exists, ran, passed, and failed without the change."""
    receipt = new.done.receipt_id
    if not hearing.named:
        why = "the runner does not tell its tests by name; the whole run is green by its exit code"
        return Proof(promise, "not measured", why, receipt)
    found = [case for case in new.cases if _is_meant(promise.proof, case)]
    if not found:
        return Proof(promise, "not proved", "no test of this name ran", receipt)
    for case in found:
        if case.name in hearing.void:
            return Proof(promise, "not proved", "the negative control has unmasked it", receipt)
        if case.name in hearing.flaky:
            why = "it is flaky, and a flaky test is no evidence"
            return Proof(promise, "not proved", why, receipt)
        if case.outcome != "passed":
            return Proof(promise, "not proved", f"it did not pass: {case.outcome}", receipt)
    known = {case.name for case in base.cases if case.outcome == "passed"} if base else set()
    if any(case.name in hearing.noticed for case in found):
        return Proof(promise, "proved", "red without the change, green with it", receipt)
    if any(case.name in hearing.proving for case in found):
        return Proof(promise, "proved", "red on the base, green now", receipt)
    if promise.kind == "existing_test" and all(case.name in known for case in found):
        return Proof(promise, "kept", "green before the change and after it", receipt)
    if hearing.change not in NEEDS_RED:
        return Proof(promise, "kept", f"green; a {hearing.change} change owes no red test", receipt)
    return Proof(promise, "not proved", "it passes without the change too, so it proves nothing", receipt)


def _is_meant(proof: str, case: Case) -> bool:
    """Say whether a proof names this test: by node id, dotted name, its bare name, or its whole file."""
    bare = proof.strip().split(" ")[0]
    if names(bare, case.name, case.file):
        return True
    if "/" not in bare and "::" not in bare and "." not in bare:
        return case.function.rpartition("::")[2] == bare
    return bare == case.file


# --- commands and persons


async def _command(hearing: Hearing, promise: Promise) -> Proof:
    """Run the command on the new tree, where it must end well, on the base, and without the change."""
    tree = hearing.checkpoint.tree
    now = await _run(hearing, promise, tree, "on the new tree")
    if now is None:
        return Proof(promise, "not proved", "it cannot be read as a command")
    hearing.receipts.append(now.receipt_id)
    if not now.receipt.ok:
        return Proof(promise, "not proved", f"the command ended with {now.receipt.ending}", now.receipt_id)
    if hearing.change not in NEEDS_RED:
        return Proof(promise, "kept", "the command ends well", now.receipt_id)
    before = await _run(hearing, promise, hearing.base_tree, "on the base")
    if before is not None and before.receipt.ok:
        hearing.receipts.append(before.receipt_id)
        return Proof(promise, "kept", "ends well before the change and after it", now.receipt_id)
    if cut := await asyncio.to_thread(without_change, hearing):
        gone = await _run(hearing, promise, tree, "without the change", cut)
        if gone is not None and gone.receipt.ok:
            hearing.receipts.append(gone.receipt_id)
            why = f"ends well although the change was taken out, so a person has to look: {promise.proof}"
            return Proof(promise, "waits", why, gone.receipt_id, key_of("command", promise.proof, tree))
    return Proof(promise, "proved", "fails on the base and ends well now", now.receipt_id)


async def _run(
    hearing: Hearing, promise: Promise, tree: str, where: str, cut: Cut | None = None
) -> Done | None:
    try:
        words = normal(tuple(shlex.split(promise.proof)))
    except (ValueError, IndexError):
        return None
    argv = with_interpreter(words, hearing.bench.toolchain)
    job = Job(
        key=f"proof:{tree[:16]}:{digest_of(list(words))[:8]}{':without' if cut else ''}",
        kind="command",
        title=f"running the proof of criterion {promise.criterion} {where}",
        tree=tree,
        argv=lambda folders: argv,
        laid_over=(hearing.bench.base, cut.reverted) if cut and cut.reverted else None,
        patched=cut.patched if cut else {},
        limits=Limits(wall_seconds=hearing.bench.settings.test_timeout),
    )
    return await execute(hearing.bench, job)


def _person(hearing: Hearing, promise: Promise) -> Proof:
    """A person has to look at this very tree, and say so."""
    key = key_of("criterion", str(promise.criterion), promise.proof, hearing.checkpoint.tree)
    return Proof(promise, "waits", f"a person has to look: {promise.proof}", key=key)
