"""The turn loop: prompt, model, tools, and again, until there is a typed result or a limit is reached.

Everything that costs or changes something runs as a step under a key of its turn, so that after a crash the
same loop walks over what is kept and goes on where it stood.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from core.errors import ConfigError, ModelError, ModelFault, ProjectError, SandboxError
from core.llm import Completion, Message, ToolCall
from core.roles.acting import Acted, act
from core.roles.asking import ask
from core.roles.briefs import LEFT_OUT, opening, said, task_of
from core.roles.context import RoleContext
from core.roles.outcomes import Ask, Failed, Outcome, Stopped
from core.roles.phases import PLAYS
from core.roles.prompts import prompt_digest, system_prompt
from core.roles.repetition import Circle, Repetition
from core.roles.rescue import rescued
from core.roles.tools.base import Fault, Result
from core.roles.tools.messages import READ_ON
from core.roles.waiting import OutOfTime, TurnStopped
from core.text import clean

CALLS_A_TURN = 16
"""Tool calls of one answer that are carried out; more than that is a runaway."""

_MAY_PASS = {
    ModelFault.RETRYABLE,
    ModelFault.UNREACHABLE,
    ModelFault.QUOTA,
    ModelFault.BUDGET,
    ModelFault.BAD_ANSWER,
}
_SECONDS = re.compile(r"\d+\.\d+ ?s")


class Attempt:
    """One attempt of one role, from its opening to its outcome."""

    def __init__(self, context: RoleContext) -> None:
        self._context = context
        self._tools = {tool.name: tool for tool in PLAYS[context.state].tools(context)}
        self._messages: list[Message] = []
        self._heard = context.heard
        self._cost = 0.0
        self._wrong_in_a_row = 0
        self._refused = 0
        self._bad_answers = 0
        self._repetition = Repetition()
        self._deadline = asyncio.get_running_loop().time() + context.limits.seconds

    async def play(self) -> Outcome:
        """Run the attempt to its end."""
        try:
            await self._open()
            turn = 0
            while True:
                if await self._context.desk.stop_requested():
                    raise TurnStopped
                outcome = self._limit(turn) or await self._turn(turn)
                if outcome is not None:
                    return outcome
                turn += 1
        except TurnStopped:
            return Stopped("A person stopped the turn.")
        except OutOfTime:
            return self._out_of_time()
        except ModelError as error:
            return Failed(str(error), error.fault in _MAY_PASS, error.fault.value)
        except SandboxError as error:
            return Failed(str(error), False, "sandbox")
        except (ProjectError, ConfigError) as error:
            return Failed(str(error), False, "project")

    async def _open(self) -> None:
        """Make the opening once; a crash must not change what the model was told."""
        context = self._context

        async def work() -> Any:
            prompt = system_prompt(context)
            blocks = await PLAYS[context.state].blocks(context)
            told = opening(context, blocks, task_of(context))
            return {
                "system": prompt,
                "told": [[m.role, m.content, m.name] for m in told],
                "heard": self._heard,
            }

        kept = await context.steps.once("opening", work)
        self._digest = prompt_digest(kept["system"])
        self._heard = int(kept["heard"])
        self._messages = [Message("system", kept["system"])]
        self._messages += [Message(role, content, name=name) for role, content, name in kept["told"]]

    def _limit(self, turn: int) -> Outcome | None:
        limits = self._context.limits
        if turn >= limits.steps:
            return Failed(f"The limit of {limits.steps} steps was reached without a result.", False, "steps")
        if self._cost >= limits.cost_usd:
            return Failed(
                f"The attempt has cost ${self._cost:.2f}, its limit, without a result.", False, "cost"
            )
        return self._out_of_time() if self._left() <= 0 else None

    def _left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    def _out_of_time(self) -> Failed:
        seconds = self._context.limits.seconds
        return Failed(f"The limit of {seconds:.0f} seconds was reached without a result.", True, "seconds")

    async def _turn(self, turn: int) -> Outcome | None:
        """Play one turn; return the outcome if it ended the attempt."""
        self._messages += await self._listen(f"turn-{turn}-inbox")
        self._offer_to_read_on()
        completion = await self._ask(turn)
        if completion is None:
            return self._too_often("The model gave no usable answer")
        self._cost += completion.usage.cost_usd or 0.0
        calls = completion.tool_calls or rescued(completion.text, self._tools, turn)
        # Some providers refuse a message of theirs that is empty.
        text = completion.text if completion.text.strip() or calls else "(no words)"
        self._messages.append(Message("assistant", text, tool_calls=calls))
        await self._say(turn, completion)
        if not calls:
            return self._no_call(completion)
        return await self._act(turn, calls)

    def _offer_to_read_on(self) -> None:
        """Give the role the tool for what was left out of a message, as soon as it was told of that."""
        if any(message.role == "user" and LEFT_OUT in message.content for message in self._messages):
            self._tools[READ_ON.name] = READ_ON

    async def _ask(self, turn: int) -> Completion | None:
        """Return the answer; None when the model has given too many that cannot be used."""
        while True:
            try:
                return await ask(
                    self._context,
                    self._messages,
                    tuple(self._tools.values()),
                    turn=turn,
                    digest=self._digest,
                    seconds=max(self._left(), 1.0),
                )
            except ModelError as error:
                self._bad_answers += 1
                if error.fault is not ModelFault.BAD_ANSWER:
                    raise
                if self._bad_answers > self._context.limits.format_errors:
                    return None

    async def _listen(self, key: str) -> list[Message]:
        """Return what the person has said since, taken up once under `key`."""

        async def work() -> Any:
            return [[word.id, word.text] for word in await self._context.desk.inbox(self._heard)]

        words = await self._context.steps.once(key, work)
        self._heard = max([self._heard, *(int(number) for number, _ in words)])
        return [said(text) for _, text in words]

    async def _say(self, turn: int, completion: Completion) -> None:
        if completion.text.strip():
            await self._context.desk.say(
                f"turn-{turn}", self._context.role.value, "text", completion.text, {"model": completion.model}
            )

    def _no_call(self, completion: Completion) -> Outcome | None:
        if completion.finish == "length":
            told = "Your answer was cut at the length limit and not carried out. Write less at a time."
        else:
            told = f"Nothing happens without a tool call. Yours are: {', '.join(self._tools)}."
        self._messages.append(Message("user", told))
        return self._wrong() or self._circle(completion.text, told)

    async def _act(self, turn: int, calls: tuple[ToolCall, ...]) -> Outcome | None:
        results: list[Result] = []
        heard: list[Message] = []
        for number, call in enumerate(calls[:CALLS_A_TURN]):
            key = f"turn-{turn}-tool-{number}"
            tool = self._tools.get(call.name)
            if tool is not None and tool.finish is not None:
                # A person who speaks while the role is about to finish is heard first.
                heard += await self._listen(f"{key}-inbox")
            acted = await act(self._context, self._tools, call, key, bool(heard))
            if acted.outcome is not None:
                await self._ask_aloud(acted, key)
                return acted.outcome
            results.append(acted.result)
            self._messages.append(Message("tool", acted.result.text, tool_call_id=call.id, name=call.name))
        for call in calls[CALLS_A_TURN:]:
            told = f"Left out: more than {CALLS_A_TURN} calls in one answer."
            self._messages.append(Message("tool", told, tool_call_id=call.id, name=call.name))
        # Only now: nothing may stand between an answer and the results of its calls.
        self._messages += heard
        return self._judge(calls, results)

    async def _ask_aloud(self, acted: Acted, key: str) -> None:
        """Put the role's questions into the chat, where the person will answer them."""
        if isinstance(acted.outcome, Ask):
            text = "\n".join(acted.outcome.questions)
            await self._context.desk.say(f"{key}-questions", self._context.role.value, "text", text, {})

    def _judge(self, calls: tuple[ToolCall, ...], results: list[Result]) -> Outcome | None:
        """Count what went wrong in a turn, and notice a circle."""
        refused = [result.text for result in results if result.fault is Fault.REFUSED]
        self._refused += bool(refused)
        if self._refused > self._context.limits.format_errors:
            return self._too_often("What the role handed in was not accepted", refused[-1] if refused else "")
        if any(result.ok for result in results):
            self._wrong_in_a_row = 0
        elif any(result.fault in (Fault.FORMAT, Fault.BLOCKED) for result in results):
            outcome = self._wrong()
            if outcome is not None:
                return outcome
        done = "\n".join(f"{call.name} {call.arguments}" for call in calls)
        return self._circle(done, "\n".join(result.text for result in results))

    def _wrong(self) -> Outcome | None:
        self._wrong_in_a_row += 1
        if self._wrong_in_a_row > self._context.limits.format_errors:
            return self._too_often("The model's answers could not be used")
        return None

    def _too_often(self, what: str, why: str = "") -> Failed:
        times = self._context.limits.format_errors
        last = f" The last time: {clean(why, lines=False, limit=300)}" if why else ""
        return Failed(f"{what}; it was told why {times} times.{last}", False, "format")

    def _circle(self, done: str, came: str) -> Outcome | None:
        circle = self._repetition.note(_SECONDS.sub("", f"{done}\0{came}"))
        if circle is Circle.END:
            return Failed("The model went round in circles and was stopped.", False, "repetition")
        if circle is Circle.NUDGE:
            told = "That was the same again, with the same result. Do something else, hand in, or ask."
            self._messages.append(Message("user", told))
        return None
