"""A workflow in small: what the specification says should have happened. Shares no rule with the program."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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
    """One piece of evidence; `honest` is one whose digest is that of its content."""

    digest: str
    ok: bool
    rests_on: dict[str, str]
    honest: bool = True
    stale: bool = False
    unchecked: bool = False
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
    phase: str = "due"
    pieces: dict[str, Piece] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    trees: list[str] = field(default_factory=list)
    checkpoint: int = 0
    entered: dict[str, int] = field(default_factory=lambda: {SPEC["initial"]: 0})
    release: str = ""
    overridden: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    past: list[Model] = field(default_factory=list)

    def note(self) -> None:
        """Remember how it stands now: one event has happened."""
        past, self.past = self.past, []
        past.append(deepcopy(self))
        self.past = past

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in SPEC["final"] or self.condition == "cancelled"

    def green(self, kind: str) -> bool:
        """Whether the piece counts now."""
        piece = self.pieces.get(kind)
        if piece is None or not self.bound(kind):
            return False
        return piece.ok or (kind, piece.rests_on) in self.overridden.values()

    def bound(self, kind: str) -> bool:
        """Whether the piece speaks of what is there now."""
        piece = self.pieces.get(kind)
        if piece is None or piece.stale:
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
                    piece.stale, piece.approved, piece.unchecked = True, False, False
            self.release = ""
        elif by.kind is not AuthorityKind.ROLE and (
            by.kind is AuthorityKind.PERSON or self.autonomy == "auto"
        ):
            for subject in APPROVED_FIRST.get(row["id"], ()):
                if not self.approved(subject):
                    self.approve(subject)
        if row["kind"] == "rollback":
            self.checkpoint = self.entered.get(target, 0)
            self.current["tree"] = self.trees[self.checkpoint - 1] if self.checkpoint else ""
        elif not back:
            self.entered[target] = self.checkpoint
        self.state, self.condition, self.waiting_for = target, "active", ""
        self.attempts[target] = self.attempts.get(target, 0) + 1
        self.phase = "due"
        self.note()

    def approve(self, subject: str) -> None:
        """Somebody approves what is there."""
        if subject == "release":
            self.release = self.current.get("tree", "")
        else:
            self.pieces[subject].approved = True
        self.note()

    def record(self, kind: str, new: Piece) -> None:
        """The engine makes a piece of evidence; the same words again keep their approval."""
        old = self.pieces.get(kind)
        if kind in ("requirement", "plan"):
            same = old is not None and (old.digest, old.rests_on, old.stale) == (
                *(new.digest, new.rests_on, False),
            )
            new.approved = bool(same and old and old.approved)
            self.current[kind] = new.digest
        if old is not None and old.unchecked:
            seen = (old.digest, old.ok, old.rests_on) == (new.digest, new.ok, new.rests_on)
            new.approved = old.approved and seen
        self.pieces[kind] = new
        self.note()

    def keep(self, tree: str) -> None:
        """The engine keeps the files."""
        self.trees.append(tree)
        self.checkpoint, self.current["tree"] = len(self.trees), tree
        self.note()

    def attempt(self, phase: str) -> None:
        """The attempt begins, or ends."""
        self.phase = phase
        self.note()

    def may_override(self, kind: str) -> bool:
        """Whether a person may let a piece count: a red one that speaks of what is there."""
        red = kind in self.pieces and not self.pieces[kind].ok and self.bound(kind)
        return red and kind != "smoke" and not self.over

    def override(self, kind: str) -> None:
        """A person lets it count; what waited for nothing else goes on."""
        piece = self.pieces[kind]
        self.overridden[f"{kind}:{piece.digest[:12]}"] = (kind, piece.rests_on)
        self.note()
        if self.condition == "waiting" and self.waiting_for in ("acceptance", "retries"):
            self.resume(anew=self.waiting_for == "retries")

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
        self.note()

    def resume(self, *, anew: bool = True) -> None:
        """Go on; with a new attempt when the last one has ended."""
        self.condition, self.waiting_for = "active", ""
        if self.phase == "ended" and anew:
            self.attempts[self.state] += 1
            self.phase = "due"
        self.note()

    def hear(self) -> None:
        """A person speaks."""
        self.note()
        answers = ("answer", "acceptance", "approval")
        if self.condition == "waiting" and self.waiting_for.partition(":")[0] in answers:
            self.resume()

    def fork(self, seq: int) -> Model:
        """What begins where this one stood after its event `seq`: everything is there and nothing counts."""
        then = deepcopy(self.past[seq - 1])
        child = Model(
            self.autonomy, self.budget, state="deployment" if then.state == "complete" else then.state
        )
        due = child.state == then.state and then.phase == "due"
        child.attempts = {**then.attempts, child.state: then.attempts.get(child.state, 0) + (not due)}
        child.trees, child.checkpoint, child.entered = then.trees, then.checkpoint, then.entered
        child.current = {"tree": then.trees[then.checkpoint - 1]} if then.checkpoint else {}
        child.overridden = then.overridden
        for kind in then.pieces.keys() - {"smoke"}:
            child.pieces[kind] = piece = then.pieces[kind]
            piece.unchecked = then.green(kind)
            piece.approved &= piece.unchecked
        for piece in child.pieces.values():
            piece.stale = True
        child.note()
        return child

    def check(self, is_there: Callable[[str], bool]) -> None:
        """What was taken over counts again where every digest is what it was."""
        for kind in BOUND_TO:
            piece = self.pieces.get(kind)
            if piece is None or not piece.unchecked:
                continue
            same = all(piece.rests_on[n] == self.current.get(n) for n in BOUND_TO[kind])
            if piece.honest and same and ("tree" not in piece.rests_on or is_there(piece.rests_on["tree"])):
                self.record(kind, Piece(piece.digest, piece.ok, piece.rests_on))
            else:
                piece.unchecked, piece.approved = False, False
                self.note()
