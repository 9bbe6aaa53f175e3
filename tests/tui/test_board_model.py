"""The board without its widget: groups, filter, lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.board import BoardRow
from core.machine.states import Condition, State
from tui import words
from tui.board_lines import first_line, second_line
from tui.board_model import BoardModel, Group, Sort, group_of
from tui.ink import plain


def row(number: int, state: str = "testing", condition: str = "active", **rest: object) -> BoardRow:
    """A row as the journal gives it."""
    plain = BoardRow(
        f"w{number}", f"B-{number:04d}", f"Build {number}", "demo", state, condition, "", "gated", "", "",
        0.5, 1.0, 0, 3, float(number), float(number), None, 1, "------", 1,
    )  # fmt: skip
    return replace(plain, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "condition", "group"),
    [
        ("testing", "active", Group.RUNNING),
        ("testing", "waiting", Group.NEEDS_YOU),
        ("testing", "failed", Group.NEEDS_YOU),
        ("testing", "paused", Group.WAITING),
        ("testing", "cancelled", Group.DONE),
        ("complete", "active", Group.DONE),
    ],
)
def test_a_row_belongs_to_whoever_acts_next(state: str, condition: str, group: Group) -> None:
    """Failed needs the user as much as waiting does."""
    assert group_of(row(1, state, condition)) is group


rows = st.builds(
    row,
    st.integers(1, 40),
    st.sampled_from([s.value for s in State]),
    st.sampled_from([c.value for c in Condition]),
)


@given(
    st.lists(rows, max_size=30), st.lists(rows, max_size=30), st.integers(1, 2), st.sampled_from(["", "test"])
)
def test_changes_lead_to_the_same_board_as_loading_it(
    first: list[BoardRow], then: list[BoardRow], height: int, pattern: str
) -> None:
    """A board that was told of changes equals one that was read anew."""
    told, read = BoardModel(row_height=height), BoardModel(row_height=height)
    told.filter(pattern)
    read.filter(pattern)
    told.load(first)
    told.upsert(then)
    read.load({r.workflow_id: r for r in [*first, *then]}.values())
    assert told.order() == read.order()
    assert told.totals() == read.totals()
    assert [told.place(y) for y in range(told.height)] == [read.place(y) for y in range(read.height)]


@given(st.lists(rows, max_size=30), st.integers(1, 2))
def test_lines_and_places_are_each_others_inverse(data: list[BoardRow], height: int) -> None:
    """The line of a row holds that row, and its number is its place in the order."""
    model = BoardModel(row_height=height)
    model.load(data)
    for position, workflow_id in enumerate(model.order()):
        line = model.line_of(workflow_id)
        assert line is not None and line < model.height
        assert model.place(line).workflow_id == workflow_id
        assert model.position(workflow_id) == position
        assert model.at(position) == workflow_id


def test_a_change_that_moves_nothing_only_draws_its_own_row() -> None:
    """Live activity does not lay out the board again."""
    model = BoardModel()
    model.load([row(1), row(2)])
    assert model.upsert([replace(row(1), activity="running tests")]) == (False, ["w1"])
    assert model.upsert([row(2)]) == (False, [])
    assert model.upsert([row(2, condition="waiting")]) == (True, ["w2"])


def test_the_next_that_needs_the_user_goes_round() -> None:
    """From the last one it begins again."""
    model = BoardModel()
    model.load([row(1, condition="waiting"), row(2), row(3, condition="failed")])
    assert model.next_that_needs(None) == "w3"
    assert model.next_that_needs("w3") == "w1"
    assert model.next_that_needs("w1") == "w3"
    assert BoardModel().next_that_needs(None) is None


def test_the_line_on_top_counts_open_builds_only() -> None:
    """What is done spends no budget any more."""
    model = BoardModel()
    model.load([row(1), row(2, condition="waiting"), row(3, condition="failed"), row(4, "complete")])
    totals = model.totals()
    assert (totals.need, totals.running, totals.failed, totals.done) == (2, 1, 1, 1)
    assert (totals.cost_usd, totals.budget_usd) == (1.5, 3.0)


def test_the_first_rows_stand_for_all_until_they_come() -> None:
    """The first frame reads what a screen can show, and counts everything."""
    all_rows = [row(n, condition="waiting" if n == 1 else "active") for n in range(1, 9)]
    model = BoardModel()
    model.load(all_rows)
    totals = model.totals()
    model.load(all_rows[:3], totals)
    assert model.totals() == totals and model.count(Group.RUNNING) == 7 and model.shown == 3
    model.upsert(all_rows)
    model.complete()
    assert model.totals() == totals and model.shown == 8


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sort", Sort)
def test_a_row_that_changes_goes_where_the_order_wants_it(sort: Sort, turned: bool) -> None:
    """Told of changes or read anew, the order is the same; and no filter hides what needs the user."""
    first = [row(n, cost_usd=float(n % 3), title=f"Build {9 - n}", project=f"p{n % 2}") for n in range(1, 9)]
    told, read = BoardModel(sort=sort, turned=turned), BoardModel(sort=sort, turned=turned)
    told.load(first)
    straight = BoardModel(sort=sort)
    straight.load(first)
    for group in Group:
        members = straight.members(group)
        assert told.members(group) == (members[::-1] if turned else members)
    then = [replace(r, cost_usd=5.0 - r.cost_usd, state="planning") for r in first[::2]]
    told.upsert(then)
    read.load([*first[1::2], *then])
    assert told.order() == read.order()
    told.filter_project("p1")
    assert {told.rows[i].project for i in told.order()} == {"p1"}
    told.upsert([replace(first[1], condition="waiting")])
    assert told.next_that_needs(None) == "w2"


def test_a_narrow_row_gives_up_its_tests_before_what_it_waits_for() -> None:
    """What needs the user is the last thing that is cut."""
    waits = row(1, "planning", "waiting", waiting_for="approval:plan", tests="22 passed")
    narrow, wide = (plain([second_line(waits, width, 0.0)]) for width in (56, 76))
    assert "needs you: approve the plan" in narrow and "22 passed" not in narrow
    assert "needs you: approve the plan" in wide and "22 passed" in wide
    stale = replace(waits, evidence="rpc~--")
    assert f"{words.STALE} 22 passed" in plain([second_line(stale, 76, 0.0)]), "they are of other files"


def test_a_narrow_row_gives_its_title_what_it_can() -> None:
    """At 60 columns a build is still known by its name; phase and age stand beside it."""
    first = replace(row(1, "implementation", "active"), title="Add slugify() with Unicode support")
    narrow, wide = (plain([first_line(first, width, "55m")]) for width in (57, 77))
    assert "Add slugify() with U" in narrow and narrow.endswith("implement  55m")
    assert "Add slugify() with Unicode support" in wide and "implementation" in wide


def test_a_row_tells_its_project_where_there_are_several() -> None:
    """Nobody has to open a build to know where it belongs; a board of one project says nothing twice."""
    model = BoardModel()
    model.load([row(1), row(2)])
    assert model.projects() == ["demo"] and not model.tells_project
    model.upsert([replace(row(2), project="shop")])
    assert model.projects() == ["demo", "shop"] and model.tells_project
    model.filter_project("shop")
    assert not model.tells_project, "the line above says it"
    told = [plain([first_line(row(1), width, "55m", project=True)]) for width in (57, 77)]
    assert ["Build 1  demo" in line for line in told] == [True, True]
    long = replace(row(1), title="A title that takes all the room")
    assert "demo" not in plain([first_line(long, 77, "55m", project=True)])
    model.filter_project("")
    model.upsert([replace(row(2), project="demo")])
    assert not model.tells_project
