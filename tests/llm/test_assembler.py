"""Tool calls out of fragments."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.llm.assembler import Assembler

NAMES = st.sampled_from(["read", "write", "run"])
TABLES = st.dictionaries(st.text(max_size=8), st.text(max_size=30) | st.integers() | st.none(), max_size=4)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, Any]]], list[tuple[Any, ...]]]:
    """Some calls, and the fragments in which a server with one of the known habits would send them."""
    calls = draw(st.lists(st.tuples(NAMES, TABLES), min_size=1, max_size=4))
    with_ids = draw(st.booleans())
    one_index = draw(st.booleans())
    repeats = draw(st.booleans())
    lanes = []
    for number, (name, table) in enumerate(calls):
        text = json.dumps(table)
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        index, call_id = 0 if one_index else number, f"id{number}" if with_ids else None
        lane = [(index, call_id, name, pieces[0])]
        again = (call_id, name) if repeats and with_ids else (None, None)
        lane += [(index, *again, piece) for piece in pieces[1:]]
        lanes.append(lane)
    if one_index:
        return calls, [fragment for lane in lanes for fragment in lane]
    # Lanes of their own may be interleaved, as long as the calls begin in order.
    fragments = [lane.pop(0) for lane in lanes]
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        fragments.append(lane.pop(0))
    return calls, fragments


@given(streams())
def test_calls_come_out_as_they_went_in(
    stream: tuple[list[tuple[str, dict[str, Any]]], list[tuple[Any, ...]]],
) -> None:
    """Whatever the cuts, the ids, the indexes and the order of fragments, the calls are the same again."""
    calls, fragments = stream
    assembler = Assembler()
    for fragment in fragments:
        assembler.add(*fragment)
    assembled = assembler.calls()
    assert [(call.name, call.parsed()) for call in assembled] == calls
    assert len({call.id for call in assembled}) == len(calls)


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 3),
            st.none() | st.text(max_size=3),
            st.none() | st.text(max_size=3),
            st.none() | st.text(max_size=5),
        ),
        max_size=12,
    )
)
def test_no_fragment_breaks_it(fragments: list[tuple[Any, ...]]) -> None:
    """Nonsense gives calls with a name and an id each, or none; it never raises."""
    assembler = Assembler()
    for fragment in fragments:
        assembler.add(*fragment)
    for call in assembler.calls():
        assert call.name
        assert call.id
        assert call.arguments


def test_an_id_that_comes_late_belongs_to_the_call_that_began() -> None:
    """Some servers send the name first and the id with the next fragment."""
    assembler = Assembler()
    assembler.add(0, None, "read", "")
    assembler.add(0, "late", None, '{"a":1}')
    assert [(call.id, call.arguments) for call in assembler.calls()] == [("late", '{"a":1}')]


def test_an_invented_id_never_takes_a_given_one() -> None:
    """A server's own id that looks like ours stays unique."""
    assembler = Assembler()
    assembler.add(0, None, "read", "{}")
    assembler.add(1, "call_0", "read", "{}")
    first, second = assembler.calls()
    assert first.id != second.id == "call_0"
