"""A long talk: the app keeps its end, and reads what came before as somebody goes there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from core.errors import QdeckError
from core.journal.engine import EngineJournal
from core.service import OrchestrationService
from core.service.views import MessageView
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.tui.driving import opened, ordered, press, running, shown, told
from tui import talk as talk_module
from tui.app import QdeckApp
from tui.conversation_model import ANSWERS
from tui.ink import plain
from tui.talk import PAGE, newest
from tui.transcript import Transcript
from tui.widgets import conversation as conversation_module
from tui.widgets.conversation import Conversation
from tui.widgets.page import Page

JournalOf = Callable[[str], Journal]
AT = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 3 * PAGE
SAID = {
    "text": "One **word**.\n\n- a\n- b\n\n```python\nx = 1\n```",
    "person": "Look\nat that",
    "note": "noted",
    "tool_call": "read",
}


@st.composite
def talks(draw: st.DrawFn) -> list[MessageView]:
    """What several people and roles said and did in several attempts; some of it was taken back."""
    found: list[MessageView] = []
    for kind, author, attempt, voided in draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(SAID)),
                st.sampled_from(["code_writer", "q_assistant"]),
                st.sampled_from(["w:planning:1", "w:implementation:2"]),
                st.booleans(),
            ),
            max_size=24,
        )
    ):
        who, what = ("person:ada", "text") if kind == "person" else (author, kind)
        seq = len(found) + 1
        one = MessageView(
            seq=7 * seq,
            message_id=f"m{seq}",
            workflow_id="w",
            attempt_id=attempt,
            author=who,
            kind=what,
            text=SAID[kind],
            data={"name": "read", "arguments": {"path": f"{seq}.py"}} if kind == "tool_call" else {},
            at=AT + timedelta(minutes=seq),
            voided=voided,
        )
        found.append(one)
        if kind == "tool_call":
            back = replace(
                one, seq=7 * (seq + 1), message_id=f"b{seq}", kind="tool_result", data={"name": "read"}
            )
            found.append(back)
    return found


def lines_of(roll: Transcript) -> list[str]:
    """All lines, drawn from the end as the widget does."""
    while roll.unfinished:
        roll.draw_near(None)
    return ["".join(span.text for span in roll.line(y)) for y in range(roll.height)]


def roll_of(messages: Sequence[MessageView], earlier: bool = False) -> Transcript:
    """A transcript at a width, that took these in."""
    roll = Transcript()
    roll.resize(40)
    roll.take(messages, earlier)
    return roll


@given(talks(), st.lists(st.integers(1, 30), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_page_by_page_it_is_the_same_talk(
    messages: list[MessageView], cuts: list[int], drawn: bool, streams: bool
) -> None:
    """However it is cut, read back, let go and read back again: the lines are those of the whole."""

    def begin(at: int) -> int:
        return next((i for i in range(at, len(messages)) if messages[i].kind not in ANSWERS), len(messages))

    def streaming(roll: Transcript) -> None:
        if streams:
            roll.stream("code_writer", "w:implementation:2", "It\n\n1. goes\n2. on\n\nand on", AT)

    whole = roll_of(messages)
    streaming(whole)
    ends = sorted({begin(min(cut, len(messages))) for cut in cuts} - {len(messages)})
    roll = roll_of(messages[ends[-1] :] if ends else messages, bool(ends))
    streaming(roll)
    for first, last in reversed(list(zip([0, *ends], ends, strict=False))):
        if drawn:
            before = lines_of(roll)
            moved = roll.take_earlier(messages[first:last], first > 0)
            # What was drawn is as it was, but for the head of what was the first of it.
            assert len(before) + moved == roll.height and -2 <= moved <= 2
            below = lines_of(roll)[-len(before) + 3 :]
            assert below == before[3:] or len(before) <= 3
        else:
            roll.take_earlier(messages[first:last], first > 0)
    assert lines_of(roll) == lines_of(whole) and not roll.earlier
    if ends:
        roll.forget_before(messages[ends[-1]].seq)
        assert roll.first == messages[ends[-1]].seq and roll.earlier
        roll.take_earlier(messages[: ends[-1]], False)
        assert lines_of(roll) == lines_of(whole)


@given(talks(), st.integers(0, 3 * PAGE))
def test_what_is_let_go_was_shown(messages: list[MessageView], shown: int) -> None:
    """Only what was seen goes, and never all of it, nor down to less than a page; no answer is parted from
    its call."""
    many = tuple(replace(m, seq=n) for n, m in enumerate(islice(cycle(messages), 4 * PAGE)))
    shown = min(shown, len(many))
    kept = newest(many, shown)
    assert kept == many[len(many) - len(kept) :] and len(kept) >= min(len(many), max(PAGE, shown + 1))
    assert len(kept) <= max(2 * PAGE, shown + PAGE + 1)
    assert len(kept) == len(many) or kept[0].kind not in ANSWERS


def talks_on(journal: Journal, count: int, name: str = "said") -> None:
    """Somebody says this and that."""
    engine = EngineJournal(journal.url)
    attempt = engine.workflow(journal.workflow_id).attempt_id
    for n in range(count // 2):
        call = {"name": "read", "arguments": {"path": f"{name}-{n}.py"}}
        for kind, text, data in (("text", f"{name} {n}.", {}), ("tool_call", "read", call)):
            key = f"{name}-{kind}-{n}"
            engine.add_message(journal.workflow_id, attempt, None, key, "code_writer", kind, text, data)
    engine.close()


@pytest.fixture
def long(journal_of: JournalOf) -> Journal:
    """A workflow in which much was said after its beginning."""
    journal = journal_of("testing")
    talks_on(journal, MANY)
    return journal


def talk_of(app: QdeckApp) -> Conversation:
    """The conversation that is shown."""
    return app.screen.query_one(Conversation)


async def settled(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until what was asked for is there and drawn."""
    await until(pilot, lambda: talk_of(app).settled)
    await calm(pilot)


def kept(app: QdeckApp) -> int:
    """How many entries the app holds."""
    return len(talk_of(app).roll._entries)


async def test_going_up_reads_on_and_stays_where_it_was(long: Journal) -> None:
    """Nobody is moved by what comes above; the beginning is reached, and the end lets go of it again."""
    async with running(long, size=(80, 24)) as (app, pilot):
        await opened(app, pilot, long)
        assert kept(app) <= PAGE and talk_of(app).roll.earlier
        seen: list[str] = []
        while not seen or talk_of(app).roll.earlier or talk_of(app).scroll_offset.y:
            now = [line for line in shown(app).split("\n") if "said " in line]
            seen += [line.split("said ")[1].split(".")[0] for line in reversed(now)]
            await press(app, pilot, "pageup")
            await settled(app, pilot)
            assert len(seen) < MANY
        numbers = list(dict.fromkeys(int(number) for number in seen))
        assert numbers == list(range(MANY // 2 - 1, -1, -1)), "every line was read once, in order"
        assert kept(app) > MANY
        await press(app, pilot, "G")
        talks_on(long, 2, "more")
        await until(pilot, lambda: "more 0" in talk_of(app).text)
        await until(pilot, lambda: kept(app) <= 2 * PAGE)
        assert "more 0" in shown(app), "the end is followed again"


async def test_g_goes_to_the_very_beginning(long: Journal) -> None:
    """It takes as many pages as there are; what is said meanwhile does not move the reader."""
    async with running(long) as (app, pilot):
        await opened(app, pilot, long)
        first = talk_of(app).roll.first
        await press(app, pilot, "g")
        await settled(app, pilot)
        assert not talk_of(app).roll.earlier and talk_of(app).roll.first < first
        assert talk_of(app).scroll_offset.y == 0 and talk_of(app).text.startswith("Q Assistant")
        top = [line[:70] for line in shown(app).split("\n")[6:20]]
        talks_on(long, 4, "more")
        await until(pilot, lambda: "more 1" in talk_of(app).text)
        assert [line[:70] for line in shown(app).split("\n")[6:20]] == top


async def test_the_search_looks_through_all_of_it(long: Journal) -> None:
    """Words from the beginning are found from the end, and counted; the match that is read stays."""
    async with running(long) as (app, pilot):
        await opened(app, pilot, long)
        assert "said 0." not in talk_of(app).text
        await press(app, pilot, "slash", *"said 0.", "enter")
        await settled(app, pilot)
        assert "match 1 of 1" in shown(app) and "said 0." in shown(app)
        await press(app, pilot, "escape", "G", "slash", *"said 29", "enter")
        await settled(app, pilot)
        # 29 itself, and 290 to 299.
        assert "of 11" in shown(app)
        here = talk_of(app)._plain(talk_of(app).line)
        assert "said 29" in here
        await press(app, pilot, "n", "N")
        assert talk_of(app)._plain(talk_of(app).line) == here


async def test_the_match_that_is_read_stays(long: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found first is marked still when all that came before has been looked through."""
    goes_on = threading.Event()
    original = OrchestrationService.last_messages

    async def waits(self: OrchestrationService, *arguments: Any) -> list[MessageView]:
        await asyncio.to_thread(goes_on.wait, 30.0)
        return await original(self, *arguments)

    async with running(long, size=(80, 24)) as (app, pilot):
        await opened(app, pilot, long)
        monkeypatch.setattr(OrchestrationService, "last_messages", waits)
        await press(app, pilot, "slash", *"said 29", "enter", "n", "n")
        here = talk_of(app)._plain(talk_of(app).line)
        assert "said 29" in here and "of 10" in shown(app)
        marked = [line for line in shown(app).split("\n") if "▌" in line]
        goes_on.set()
        await settled(app, pilot)
        assert "of 11" in shown(app) and not talk_of(app).roll.earlier
        assert talk_of(app)._plain(talk_of(app).line) == here
        assert [line for line in shown(app).split("\n") if "▌" in line] == marked


async def test_what_opens_is_looked_through(long: Journal) -> None:
    """A tool call that is opened, and everything at another width."""
    async with running(long) as (app, pilot):
        await opened(app, pilot, long)
        await press(app, pilot, "slash", *f"said-{MANY // 2 - 1}.py", "enter")
        await settled(app, pilot)
        assert "match 1 of 1" in shown(app)
        await press(app, pilot, "o")
        await settled(app, pilot)
        assert "of 2" in shown(app)
        await pilot.resize_terminal(100, 30)
        await settled(app, pilot)
        assert len(talk_of(app).found.lines) == 2 and not talk_of(app).found.more


async def test_a_long_search_lets_keys_in(long: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it goes on, can be changed and given up meanwhile, and comes to the same in the end."""
    monkeypatch.setattr(conversation_module, "AT_ONCE", 0.0)
    monkeypatch.setattr(conversation_module, "SLICE", 0.0)
    async with running(long) as (app, pilot):
        await opened(app, pilot, long)
        talk = talk_of(app)
        assert not talk.search("said 0.").lines and talk.found.more
        app.screen.on_found()  # type: ignore[attr-defined]
        await calm(pilot)
        assert "looking…" in shown(app) and "no match" not in shown(app)
        talk.search("zebra")
        await press(app, pilot, "n")
        assert "So far nothing here holds zebra." in told(app)
        monkeypatch.setattr(conversation_module, "SLICE", 0.002)
        await settled(app, pilot)
        assert "no match" in shown(app) and not talk.found.more
        talk.search("said 29")
        talks_on(long, 60, "said 29 more")
        await until(pilot, lambda: "said 29 more 29." in talk.text)
        await settled(app, pilot)
        await press(app, pilot, "n")
        # Each of the new ones says it, and names a file after it.
        assert len(talk.found.lines) == 11 + 60 and not talk.found.more
        assert "of 71" in shown(app)
        monkeypatch.setattr(conversation_module, "SLICE", 0.0)
        talk.search("said")
        assert talk.roll.unsought
        talk.search("")
        assert not talk.roll.unsought and not talk.found.more


async def test_a_tall_window_is_filled(long: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all that is kept has room, more is read without being asked for."""
    monkeypatch.setattr(talk_module, "PAGE", 8)
    async with running(long, size=(120, 60)) as (app, pilot):
        await opened(app, pilot, long)
        await until(pilot, lambda: talk_of(app).roll.height > talk_of(app).size.height)
        await settled(app, pilot)
        assert talk_of(app).roll.earlier and f"said {MANY // 2 - 1}." in shown(app)
        held = kept(app)
        talks_on(long, 2, "more")
        await until(pilot, lambda: "more 0" in talk_of(app).text)
        await settled(app, pilot)
        assert kept(app) == held + 2, "it is not let go only to be read again"


async def test_what_cannot_be_read_is_said(long: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing hangs, nothing is asked for without end, and the next step asks again."""
    asked = 0

    async def refuses(*arguments: object, **more: object) -> list[MessageView]:
        nonlocal asked
        asked += 1
        raise QdeckError("The journal is busy.")

    async with running(long) as (app, pilot):
        await opened(app, pilot, long)
        with monkeypatch.context() as broken:
            broken.setattr(OrchestrationService, "last_messages", refuses)
            await press(app, pilot, "g")
            await settled(app, pilot)
            assert "The journal is busy." in told(app) and asked == 1
        await press(app, pilot, "g")
        await settled(app, pilot)
        assert not talk_of(app).roll.earlier


async def test_a_rollback_says_how_many_messages_it_takes_back(long: Journal) -> None:
    """All of them, also those that the app does not hold; what it takes back is struck everywhere."""
    async with running(long, size=(120, 60)) as (app, pilot):
        app.open_rollback(long.workflow_id)
        await shows_picture(app, pilot)
        await until(pilot, lambda: "messages taken back" in shown(app))
        count = int(shown(app).split(" messages taken back")[0].split()[-1])
        assert count > MANY
        await press(app, pilot, "escape")
        await opened(app, pilot, long)
        await press(app, pilot, "g")
        await settled(app, pilot)
        await ordered(long, "rollback_workflow", target_state="planning", reason="another way")
        await until(pilot, lambda: "↶" in talk_of(app).text and talk_of(app).roll.earlier)
        await press(app, pilot, "g")
        await settled(app, pilot)
        text = talk_of(app).text
        assert text.count("↶ said ") == text.count("said ") == MANY // 2


async def test_the_history_tells_of_all_that_was_said(long: Journal) -> None:
    """The count of a moment holds what the app does not."""
    service = await OrchestrationService.open(str(long.path))
    said = len(await service.messages(long.workflow_id))
    await service.close()
    async with running(long, size=(120, 60)) as (app, pilot):
        app.open_history(long.workflow_id)
        await shows_picture(app, pilot)
        then = app.screen.query_one("#then", Page)
        await until(pilot, lambda: "messages" in plain(then.lines))
        for more in (0, 2):
            talks_on(long, more, "more")
            # The moment of an event knows what was said before it.
            last = len(app.screen.picture.events)  # type: ignore[attr-defined]
            await ordered(long, "resume" if more else "pause")
            await until(pilot, lambda n=last: len(app.screen.picture.events) > n)  # type: ignore[attr-defined, misc]
            await press(app, pilot, "G")
            await until(pilot, lambda n=said + more: f"{n} messages" in plain(then.lines))  # type: ignore[misc]
            assert ("more 0." if more else f"said {MANY // 2 - 1}.") in plain(then.lines)


async def test_what_is_not_read_yet_is_not_called_nothing(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the journal has answered, nobody can say that nothing was said."""
    # In which no role is speaking right now.
    journal = journal_of("review")
    goes_on = threading.Event()
    original = OrchestrationService.last_messages

    async def waits(self: OrchestrationService, *arguments: Any) -> list[MessageView]:
        await asyncio.to_thread(goes_on.wait, 30.0)
        return [] if arguments[0] == journal.workflow_id else await original(self, *arguments)

    monkeypatch.setattr(OrchestrationService, "last_messages", waits)
    async with running(journal) as (app, pilot):
        app.open_workflow(journal.workflow_id)
        await until(pilot, lambda: bool(app.screen.query(Conversation)))
        await calm(pilot)
        assert "reading" in shown(app) and "Nothing was said yet." not in shown(app)
        goes_on.set()
        await until(pilot, lambda: "Nothing was said yet." in shown(app))
