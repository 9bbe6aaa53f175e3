"""Read on in what a person said: a very long message is shown to a role without its middle."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.llm.types import PERSON
from core.roles.context import RoleContext
from core.roles.tools.base import Arguments, Result, Tool, failed
from core.roles.tools.bounds import MAX_BYTES, READ_MESSAGE, marked


class MessageArguments(Arguments):
    """Which part of which message of the person's; 1 is their newest."""

    message: Annotated[int, Field(ge=1, le=1_000)] = 1
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="in characters")] = 0
    length: Annotated[int, Field(ge=1, le=MAX_BYTES)] = MAX_BYTES


async def _read(context: RoleContext, arguments: MessageArguments, key: str) -> Result:
    said = [message.content for message in context.conversation if message.name == PERSON]
    # Words that came since the attempt began; they stay to be heard.
    said += [word.text for word in await context.desk.inbox(context.heard)]
    if arguments.message > len(said):
        return failed(f"The person has said {len(said)} messages to you.")
    text = said[-arguments.message]
    if arguments.offset >= len(text):
        return failed(f"That message has {len(text)} characters.")
    part = marked(text[arguments.offset : arguments.offset + arguments.length])
    shown = part.encode(errors="replace")[:MAX_BYTES].decode(errors="ignore")
    end = arguments.offset + _taken(text, arguments.offset, shown)
    rest = f"; go on with offset={end}" if end < len(text) else ""
    return Result(f"{shown}\n(characters {arguments.offset} to {end} of {len(text)}{rest})")


def _taken(text: str, offset: int, shown: str) -> int:
    """How many characters of the message are shown: a hidden one takes more room than its own."""
    taken = room = 0
    while room < len(shown):
        room += len(marked(text[offset + taken]))
        taken += 1
    # One whose sign was cut is shown again whole.
    return max(1, taken - (room > len(shown)))


READ_ON = Tool(
    READ_MESSAGE,
    "Read what was left out of a long message of the person's: length characters from offset on. "
    "Message 1 is their newest, 2 the one before.",
    MessageArguments,
    _read,
    lambda a: f"reads a message of yours from character {a.offset} on",
)
