"""The scripted model."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.errors import ModelError, ModelFault
from core.llm import PERSON, About, Call, Completion, Message, TextDelta, knows_request
from core.llm.rehearsal import Rehearsal
from core.llm.scenario import load_scenario

REQUEST = "Add a greeting"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not read along."""
    monkeypatch.setenv("QDECK_REHEARSAL_PACE", "0")


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    """A folder with one small scenario, `greet`."""
    folder = tmp_path / "greet"
    folder.mkdir()
    files = {
        "scenario.toml": """
            title = "Add a greeting"
            requests = ["Add a greeting", "greet people"]
            otherwise = "I only know my lines."
            [[reply]]
            pattern = "emoji"
            role = "q_assistant"
            text = "No emoji."
        """,
        "implementation-1.toml": """
            [[turn]]
            text = "I write it."
            [[turn.call]]
            name = "write"
            [turn.call.arguments]
            path = "greet.py"
            content = { content_from = "greet_v1.py" }
            nested = [{ content_from = "greet_v1.py" }]
            [[turn.call]]
            name = "run"
            arguments = {}
            [[turn]]
            text = "Done."
            [[turn.call]]
            name = "submit_code"
            arguments = { receipt = { seen = 'receipt (\\w+)', otherwise = "none" } }
        """,
        "implementation-3.toml": '[[turn]]\ntext = "The third."',
        "testing-1.toml": """
            [[turn]]
            [[turn.choice]]
            when = '^\\d+ failed'
            text = "Back it goes."
            [[turn.choice]]
            when_ever = "passed"
            text = "All green."
        """,
        "greet_v1.py": "def greet():\n    return 'héllo'\n",
    }
    for name, text in files.items():
        (folder / name).write_text(
            "\n".join(line.strip() for line in text.splitlines()) if "toml" in name else text
        )
    return tmp_path


def call_about(
    state: str, attempt: int = 1, turn: int = 0, messages: tuple[Message, ...] = (), role: str = "code_writer"
) -> Call:
    """A question about one turn."""
    about = About("w1", role, state, attempt, turn, REQUEST)
    return Call("rehearsal/greet", messages or (Message("user", "begin"),), about=about)


async def play(scenarios: Path, call: Call) -> Completion:
    """The completion of one turn; its pieces must add up to it."""
    deltas = [delta async for delta in Rehearsal(scenarios).stream(call)]
    done = deltas[-1]
    assert isinstance(done, Completion)
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == done.text
    return done


async def test_a_turn_is_played_from_its_file(scenarios: Path) -> None:
    """Text, calls in order, and the contents of sibling files at any depth."""
    done = await play(scenarios, call_about("implementation"))
    write, run = done.tool_calls
    assert done.text == "I write it."
    assert write.parsed() == {
        "path": "greet.py",
        "content": "def greet():\n    return 'héllo'\n",
        "nested": ["def greet():\n    return 'héllo'\n"],
    }
    assert (run.name, run.parsed(), run.id) == ("run", {}, "call_implementation_1_0_1")
    assert (done.usage.cost_usd, done.model) == (0.0, "rehearsal/greet")


async def test_the_same_question_gets_the_same_words(scenarios: Path) -> None:
    """After a crash nothing is different: the answer is equal, ids included."""
    call = call_about("implementation")
    first = await play(scenarios, call)
    assert first == await play(scenarios, call)
    assert Completion.from_data(json.loads(json.dumps(first.to_data()))) == first


async def test_a_turn_without_a_number_is_counted(scenarios: Path) -> None:
    """With no turn given, the assistant's messages are counted."""
    spoken = (Message("user", "begin"), Message("assistant", "I write it."), Message("tool", "ok"))
    assert (await play(scenarios, call_about("implementation", turn=-1, messages=spoken))).text == "Done."


async def test_what_lies_beyond_the_script_repeats_its_end(scenarios: Path) -> None:
    """Later turns repeat the last turn, later attempts the last file, a gap the file before it."""
    assert (await play(scenarios, call_about("implementation", 1, 7))).text == "Done."
    assert (await play(scenarios, call_about("implementation", 9))).text == "The third."
    assert (await play(scenarios, call_about("implementation", 2))).text == "I write it."


async def test_an_argument_may_be_something_that_was_seen(scenarios: Path) -> None:
    """The last match in the conversation, or what is written for none."""
    seen = (Message("tool", "receipt a1 and receipt b2"), Message("system", "receipt zz"))
    for messages, wanted in ((seen, "b2"), ((), "none")):
        done = await play(scenarios, call_about("implementation", 1, 1, messages))
        assert done.tool_calls[0].parsed() == {"receipt": wanted}


async def test_a_choice_follows_what_really_happened(scenarios: Path) -> None:
    """The script decides by the newest results, not by what it hoped for."""
    before = (Message("tool", "2 failed"), Message("assistant", "hm"))
    red = (Message("tool", "run\n1 failed"),)
    green = (*before, Message("tool", "3 passed"))
    assert (await play(scenarios, call_about("testing", messages=red))).text == "Back it goes."
    assert (await play(scenarios, call_about("testing", messages=green))).text == "All green."
    with pytest.raises(ModelError, match="no choice"):
        await play(scenarios, call_about("testing", messages=(Message("tool", "nothing"),)))


async def test_a_persons_chat_is_answered_without_shifting_the_script(scenarios: Path) -> None:
    """The reply comes first, in the same answer as the scripted words and calls."""
    chat = (Message("user", "begin"), Message("user", "What about Emoji?", name=PERSON))
    done = await play(scenarios, call_about("implementation", messages=chat, role="q_assistant"))
    assert done.text == "No emoji.\n\nI write it."
    assert [call.name for call in done.tool_calls] == ["write", "run"]
    other = await play(scenarios, call_about("implementation", messages=chat))
    assert other.text.startswith("I only know my lines.")


async def test_a_chat_is_answered_once(scenarios: Path) -> None:
    """What came before the model last spoke has had its answer."""
    chat = (Message("user", "hello?", name=PERSON), Message("assistant", "hi"), Message("tool", "ok"))
    assert (await play(scenarios, call_about("implementation", 1, 1, chat))).text == "Done."


async def test_a_request_that_it_does_not_know_is_never_played(scenarios: Path) -> None:
    """It says so, and how to get a model that can."""
    call = Call("rehearsal/greet", (), about=About(state="implementation", request="Rewrite it in Rust"))
    with pytest.raises(ModelError) as caught:
        await play(scenarios, call)
    assert caught.value.fault is ModelFault.NONE_CONFIGURED
    assert "Add a greeting" in caught.value.what
    assert "--model" in caught.value.hint


@pytest.mark.parametrize("request_text", ["add a greeting", "  Add  a\ngreeting. ", "GREET PEOPLE!"])
def test_a_request_is_recognised_by_its_words(scenarios: Path, request_text: str) -> None:
    """Case, blanks and the closing mark make no difference."""
    assert load_scenario("greet", scenarios).knows(request_text)
    assert not load_scenario("greet", scenarios).knows(request_text + " and more")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("implementation-1.toml", "[[turn", "is not TOML"),
        ("implementation-1.toml", "title = 1", r"has no \[\[turn\]\]"),
        (
            "implementation-1.toml",
            '[[turn]]\n[[turn.call]]\nname = "x"\narguments = { a = { content_from = "../x" } }',
            "is missing",
        ),
        ("implementation-1.toml", '[[turn]]\n[[turn.choice]]\nwhen = "("', "is not a regular expression"),
    ],
)
async def test_a_broken_script_says_what_is_wrong(scenarios: Path, name: str, text: str, words: str) -> None:
    """One sentence with the file or the pattern, no traceback."""
    (scenarios / "greet" / name).write_text(text)
    with pytest.raises(ModelError, match=words):
        await play(scenarios, call_about("implementation"))


async def test_a_state_without_words_is_named(scenarios: Path) -> None:
    """The sentence says which state has no script."""
    with pytest.raises(ModelError, match="nothing written for the state deployment"):
        await play(scenarios, call_about("deployment"))


async def test_the_pace_can_be_set(scenarios: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person reads along at the pace of the setting."""
    monkeypatch.setenv("QDECK_REHEARSAL_PACE", "0.1")
    started = time.monotonic()
    await play(scenarios, call_about("implementation"))
    assert time.monotonic() - started >= 0.3


def files_named_in(value: Any) -> set[str]:
    """All files that a script takes contents from."""
    if isinstance(value, dict):
        own = {value["content_from"]} if set(value) == {"content_from"} else set()
        return own.union(*(files_named_in(inner) for inner in value.values()))
    return set().union(*(files_named_in(inner) for inner in value)) if isinstance(value, list) else set()


def shipped_scenarios() -> list[str]:
    """The names of the scenarios that come with the program."""
    folder = resources.files("prompts").joinpath("rehearsal")
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


@pytest.mark.parametrize("name", shipped_scenarios())
def test_a_shipped_scenario_is_whole(name: str) -> None:
    """It knows its requests, has words for every working state, and every file that it names is there."""
    scenario = load_scenario(name)
    assert scenario.requests
    assert all(knows_request(f"rehearsal/{name}", request) for request in scenario.requests)
    named = set().union(*(files_named_in(list(turns)) for turns in scenario.scripts.values()))
    assert named <= set(scenario.contents)
    for state in ("discovery", "planning", "implementation", "testing", "verification", "deployment"):
        assert scenario.script(state, 1)


def test_a_scenario_can_be_played_over_http() -> None:
    """The server of the tests, started as a script, speaks a rehearsal's words in the real protocol."""
    command = [
        sys.executable,
        "-m",
        "tests.llm.openai_server",
        "--port",
        "0",
        "--scenario",
        "rehearsal/slugify",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            body = {"model": "m", "messages": [{"role": "system", "content": "State: discovery, attempt 1."}]}
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            answer = json.loads(connection.getresponse().read())
            connection.close()
        finally:
            server.terminate()
    scripted = load_scenario("slugify").script("discovery", 1)[0]
    wanted = [call["name"] for call in scripted.get("call", ())]
    message = answer["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", ())] == wanted


def test_only_the_models_words_are_scripted() -> None:
    """Nothing outside the model's own package knows of the rehearsal, save the demo's name of it."""
    named = {
        file.name
        for file in (ROOT / "core").rglob("*.py")
        if file.parent.name != "llm" and "rehearsal" in file.read_text("utf-8").lower()
    }
    assert named == {"config.py"}
