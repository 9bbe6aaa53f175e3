"""What `machine.json` says of every order; nothing of it comes from the program's own table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.machine.commands import Authority, AuthorityKind
from core.machine.refusal import Reason
from core.machine.states import Autonomy
from core.machine.transitions import Order

SPEC = json.loads(Path(__file__).with_name("machine.json").read_text())
ROWS: Mapping[tuple[str, str], Mapping[str, Any]] = {(t["from"], t["to"]): t for t in SPEC["transitions"]}
ALLOWS: Mapping[str, list[str]] = SPEC["condition_allows"]
APPROVED_FIRST = {"T02": ["requirement", "plan"], "T08": ["review"], "T10": ["release"]}
BACK = ("refuse", "retry", "rollback")
TO = {"waiting": Order.WAIT, "paused": Order.PAUSE, "failed": Order.FAIL, "cancelled": Order.CANCEL}
WHO = [
    *(Authority(AuthorityKind.ROLE, role) for role in SPEC["roles"]),
    Authority(AuthorityKind.ROLE, "ada"),
    Authority(AuthorityKind.PERSON, "ada"),
    *(Authority(AuthorityKind.POLICY, autonomy.value) for autonomy in Autonomy),
    Authority(AuthorityKind.ENGINE, "engine"),
]


def expected(
    source: str, target: str, condition: str, by: Authority, autonomy: Autonomy, approved: bool
) -> Reason | None:
    """What the specification says of an order that lacks neither evidence nor reason nor retries."""
    row = ROWS.get((source, target))
    if row is None or row["kind"] not in ALLOWS[condition]:
        return Reason.NOT_POSSIBLE
    advance, asks = row["kind"] == "advance", row["id"] in APPROVED_FIRST
    match by.kind:
        case AuthorityKind.PERSON:
            return None
        case AuthorityKind.ENGINE:
            return Reason.NOT_YOURS
        case AuthorityKind.ROLE:
            if by.name != row["actor"] or (advance and autonomy is Autonomy.MANUAL):
                return Reason.NOT_YOURS
            return Reason.NOT_READY if asks and not approved else None
    if by.name != autonomy.value or autonomy is Autonomy.MANUAL or row["actor"] == "user":
        return Reason.NOT_YOURS
    held = asks and not approved and autonomy is Autonomy.GATED
    return Reason.NOT_YOURS if held else None
