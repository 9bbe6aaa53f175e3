"""What a tool is: a name and a schema for the model, an act for us, and for some the end of the attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.llm.types import ToolSpec
from core.roles.context import RoleContext
from core.roles.outcomes import Outcome


class Arguments(BaseModel):
    """The arguments of a tool: no unknown keys, nothing converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Fault(StrEnum):
    """What sort of failure a result is, where it is not the ordinary kind that a model learns from and goes
    on.
    """

    NONE = ""
    FORMAT = "format"
    BLOCKED = "blocked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a tool call: the text that the model is told, and whether it did what was asked.

    `fault` is FORMAT for arguments that cannot be read, BLOCKED for an act out of the role's scope, REFUSED
    for a result that was handed in and not taken.
    """

    text: str
    ok: bool = True
    fault: Fault = Fault.NONE

    def to_data(self) -> dict[str, Any]:
        """Return the result as JSON data."""
        return {"text": self.text, "ok": self.ok, "fault": self.fault.value}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Result:
        """Read what `to_data` wrote."""
        return cls(str(data["text"]), bool(data["ok"]), Fault(data["fault"]))


def failed(text: str, fault: Fault = Fault.NONE) -> Result:
    """Return a result that tells the model what went wrong."""
    return Result(text, ok=False, fault=fault)


def blocked(text: str) -> Result:
    """Return a result that tells the model that this is not its to do."""
    return failed(f"Blocked: {text}", Fault.BLOCKED)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of one state.

    `act` does it, at most once for each key; `finish` is set for a tool that ends the attempt and says how,
    when `act` was ok. `doing` is what people see meanwhile.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    act: Callable[[RoleContext, Any, str], Awaitable[Result]]
    doing: Callable[[Any], str]
    finish: Callable[[RoleContext, Any], Outcome] | None = None

    def spec(self) -> ToolSpec:
        """Return the tool as a model is told of it."""
        return ToolSpec(self.name, self.description, schema(self.arguments))


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of `model`, plain enough for every provider.

    Titles only cost tokens; references and `const` are not understood by all servers, so they are resolved.
    """
    whole = model.model_json_schema()
    return dict(_plain(whole, whole.pop("$defs", {})))


def _plain(value: Any, parts: dict[str, Any], *, names: bool = False) -> Any:
    if isinstance(value, list):
        return [_plain(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    if names:
        return {key: _plain(item, parts) for key, item in value.items()}
    if "$ref" in value:
        return _plain(parts[value["$ref"].rpartition("/")[2]], parts)
    plain = {key: _plain(item, parts, names=key == "properties") for key, item in value.items()}
    plain.pop("title", None)
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    return plain
