"""The phase track: six phases and four gates in eleven cells."""

from __future__ import annotations

import pytest

from core.machine.states import Condition, State
from tui.ink import width_of
from tui.track import track


def drawn(state: State, condition: Condition = Condition.ACTIVE, evidence: str = "------") -> str:
    """The glyphs alone."""
    return "".join(span.text for span in track(state, condition, evidence))


@pytest.mark.parametrize(
    ("state", "condition", "evidence", "glyphs"),
    [
        (State.DISCOVERY, Condition.ACTIVE, "------", "◉─○▹○▹○▹○▹○"),
        (State.PLANNING, Condition.WAITING, "rp----", "●─◆▹○▹○▹○▹○"),
        (State.HANDOFF_TO_CODER, Condition.ACTIVE, "rp----", "●─●▶○▹○▹○▹○"),
        (State.IMPLEMENTATION, Condition.ACTIVE, "rp~~--", "●─●▸◉▹◌▹○▹○"),
        (State.TESTING, Condition.FAILED, "rpc!--", "●─●▸●▸✗▹○▹○"),
        (State.VERIFICATION, Condition.ACTIVE, "rpc~--", "●─●▸●▸◌▸◉▹○"),
        (State.DEPLOYMENT, Condition.PAUSED, "rpctv-", "●─●▸●▸●▸●▸‖"),
        (State.COMPLETE, Condition.ACTIVE, "rpctvs", "●─●▸●▸●▸●▸●"),
        (State.DISCOVERY, Condition.CANCELLED, "------", "⊘─○▹○▹○▹○▹○"),
    ],
)
def test_the_track_says_where_a_workflow_stands(
    state: State, condition: Condition, evidence: str, glyphs: str
) -> None:
    """Each way to stand has a picture of its own, without its colour."""
    assert drawn(state, condition, evidence) == glyphs


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("condition", list(Condition))
def test_the_track_always_takes_eleven_cells(state: State, condition: Condition) -> None:
    """Rows stay in line."""
    assert width_of(track(state, condition, "r~!-x")) == 11
