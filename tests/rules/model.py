"""A workflow in small: what the specification says should have happened. Shares no rule with the program."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.machine.commands import Authority, AuthorityKind
from core.machine.states import Autonomy
from tests.machine.oracle import ALLOWS, APPROVED_FIRST, BACK, ROWS, SPEC, TO, expected

RANK = {state["id"]: state["rank"] for state in SPEC["states"]}
MADE_IN = {piece["key"]: piece["phase"] for piece in SPEC["evidence"]}
BOUND_TO = {
    "requirement": (),
    "plan": ("requirement",),
    **dict.fromkeys(("code", "tests", "review", "smoke"), ("requirement", "plan", "tree")),
}


@dataclass
class Piece:
    """One piece of evidence."""

    digest: str
    ok: bool
    rests_on: dict[str, str]
    stale: bool = False
    approved: bool = False


@dataclass
class Model:
    """What should be stored."""

    autonomy: Autonomy
    budget: int
    state: str = SPEC["initial"]
    condition: str = "active"
    waiting_for: str = ""
    spent: int = 0
    attempts: dict[str, int] = field(default_factory=lambda: {SPEC["initial"]: 1})
    ended: bool = False
    pieces: dict[str, Piece] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    trees: list[str] = field(default_factory=list)
    checkpoint: int = 0
    entered: dict[str, int] = field(default_factory=lambda: {SPEC["initial"]: 0})
    release: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in SPEC["final"] or self.condition == "cancelled"

    def green(self, kind: str) -> bool:
        """Whether the piece counts now."""
        piece = self.pieces.get(kind)
        if piece is None or piece.stale or not piece.ok:
            return False
        return all(
            piece.rests_on.get(n) == self.current.get(n) and piece.rests_on.get(n) for n in BOUND_TO[kind]
        )

    def approved(self, subject: str) -> bool:
        """Whether somebody has approved what is current of it."""
        if subject == "release":
            return bool(self.release) and self.release == self.current.get("tree")
        return subject in self.pieces and self.pieces[subject].approved

    def may_move(self, target: str, by: Authority, reason: str) -> bool:
        """Whether the order is carried out."""
        row = ROWS.get((self.state, target))
        if row is None:
            return False
        approvals = all(map(self.approved, APPROVED_FIRST.get(row["id"], ())))
        if expected(self.state, target, self.condition, by, self.autonomy, approvals) is not None:
            return False
        automatic = by.kind is not AuthorityKind.PERSON
        if row["kind"] in BACK and (not reason or (automatic and self.spent >= self.budget)):
            return False
        return all(map(self.green, row["needs_current"]))

    def move(self, target: str, by: Authority) -> None:
        """Carry out a move that may be made."""
        row = ROWS[self.state, target]
        back = row["kind"] in BACK
        if back:
            self.spent += by.kind is not AuthorityKind.PERSON
            for kind, piece in self.pieces.items():
                if RANK[MADE_IN[kind]] >= RANK[target]:
                    piece.stale, piece.approved = True, False
            self.release = ""
        elif by.kind is not AuthorityKind.ROLE and (
            by.kind is AuthorityKind.PERSON or self.autonomy == "auto"
        ):
            for subject in APPROVED_FIRST.get(row["id"], ()):
                self.approve(subject)
        if row["kind"] == "rollback":
            self.checkpoint = self.entered.get(target, 0)
            self.current["tree"] = self.trees[self.checkpoint - 1] if self.checkpoint else ""
        elif not back:
            self.entered[target] = self.checkpoint
        self.state, self.condition, self.waiting_for = target, "active", ""
        self.attempts[target] = self.attempts.get(target, 0) + 1
        self.ended = False

    def approve(self, subject: str) -> None:
        """Somebody approves what is there."""
        if subject == "release":
            self.release = self.current.get("tree", "")
        else:
            self.pieces[subject].approved = True

    def record(self, kind: str, digest: str, ok: bool, rests_on: dict[str, str]) -> None:
        """The engine makes a piece of evidence; the same words again keep their approval."""
        old, new = self.pieces.get(kind), Piece(digest, ok, rests_on)
        if kind in ("requirement", "plan"):
            same = old is not None and (old.digest, old.rests_on, old.stale) == (digest, rests_on, False)
            new.approved = bool(same and old and old.approved)
            self.current[kind] = digest
        self.pieces[kind] = new

    def may_become(self, order: str, by: Authority) -> bool:
        """Whether an order about the condition is carried out."""
        done = self.state in SPEC["final"]
        return not done and order in ALLOWS[self.condition] and by.kind is not AuthorityKind.ROLE

    def become(self, order: str, waiting_for: str = "") -> None:
        """Carry it out."""
        if order == "resume":
            self.resume()
            return
        self.condition = next(condition for condition, o in TO.items() if o == order)
        self.waiting_for = waiting_for if order == "wait" else ""

    def resume(self) -> None:
        """Go on; with a new attempt when the last one has ended."""
        self.condition, self.waiting_for = "active", ""
        if self.ended:
            self.attempts[self.state] += 1
            self.ended = False

    def hear(self) -> None:
        """A person speaks."""
        if self.condition == "waiting" and self.waiting_for.partition(":")[0] in ("answer", "approval"):
            self.resume()
