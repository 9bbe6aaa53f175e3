"""Wrong usage in words: what was not understood, what it would have had to be, and where more is said.

typer and argparse complain in terms of their own; nobody at a prompt should have to know them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tui.commands.output import UsageFault
from tui.words import either

_BELOW_ZERO = re.compile(r"^-[\d.]")
_NEVER_NEGATIVE = {
    "budget": "A budget is what may be spent, 0 or more. Give one like 2.50, or `none` for no limit.",
    "deadline": "A deadline is a span of time, such as 30m or 1h30m; `none` lifts it.",
}


def usage_fault(error: Any, arguments: Sequence[str]) -> UsageFault:
    """Return typer's complaint about these arguments as a person would put it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "qdeck"
    help_hint = f"`{path} --help` shows what there is."
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return UsageFault("A command is missing.", help_hint)
        case "MissingParameter" if error.param is not None:
            name = name_of(error.param)
            return UsageFault(f"{name} is missing.", f"{name}: {error.param.help} {help_hint}")
        case "BadParameter" if error.param is not None:
            return UsageFault(f"{name_of(error.param)} {needed(error.param, error.message)}.", help_hint)
        case "NoSuchOption":
            return _no_option(error, arguments, path.rpartition(" ")[2], help_hint)
    return UsageFault(_reworded(error, path), help_hint)


def _no_option(error: Any, arguments: Sequence[str], command: str, hint: str) -> UsageFault:
    """What looks like an option and is none; a number below zero looks like one as well."""
    name = str(error.option_name)
    given = next((a for a in arguments if a.startswith(name)), name)[:40]
    if _BELOW_ZERO.match(given) and command in _NEVER_NEGATIVE:
        return UsageFault(f"{given} is below zero.", _NEVER_NEGATIVE[command])
    near = f" Did you mean {error.possibilities[0]}?" if error.possibilities else ""
    return UsageFault(f"There is no option {given}.{near}", hint)


def _reworded(error: Any, path: str) -> str:
    what = str(getattr(error, "format_message", lambda: error)()).strip()
    if found := re.match(r"Got unexpected extra arguments? ?\(s?\)? ?\(?(.*?)\)?$", what):
        return f"`{path}` has no use for {found[1][:80]!r}."
    if found := re.match(r"No such command '(.*?)'\.(?: Did you mean (.*)\?)?", what):
        near = f" Did you mean {either(re.findall(r'[a-z]+', found[2]))}?" if found[2] else ""
        return f"There is no command {found[1][:40]!r}.{near}"
    if found := re.match(r"Option '(.*?)' requires an argument", what):
        return f"{found[1]} needs a value."
    return what if what.endswith((".", "?")) else f"{what}."


def name_of(param: Any) -> str:
    """Return what a parameter is called at the prompt."""
    names = [name for name in param.opts if name.startswith("-")]
    metavar = str(param.metavar or "")
    return max(names, key=len) if names else metavar.strip("[]") if metavar.isupper() else param.name.upper()


def needed(param: Any, message: str) -> str:
    """Return what a parameter's value has to be, from its type and its bounds."""
    kind = param.type_descriptor.annotation
    if choices := getattr(kind, "__members__", None):
        return f"has to be {either(str(c.value) for c in choices.values())}"
    least, most = getattr(param, "min", None), getattr(param, "max", None)
    number = {int: "a whole number", float: "a number"}.get(kind)
    if number is None:
        return f"cannot be that: {message.strip().rstrip('.')}"
    if least is not None and most is not None:
        return f"has to be {number} from {least} to {most}"
    return f"has to be {number}" + (f", {least} or more" if least is not None else "")


def option_fault(message: str, program: str) -> UsageFault:
    """Return the standard library's complaint about an option as a person would put it."""
    hint = f"`{program} --help` shows what there is."
    if found := re.match(r"argument (?:-\w/)?(--[\w-]+): expected one argument", message):
        return UsageFault(f"{found[1]} needs a value.", hint)
    if found := re.match(r"argument (--[\w-]+): invalid choice: (.*?) \(choose from (.*)\)", message):
        choices = either(re.findall(r"[\w-]+", found[3]))
        return UsageFault(f"{found[1]} cannot be {found[2]}; it has to be {choices}.", hint)
    if found := re.match(r"unrecognized arguments: (\S+)", message):
        what = "There is no option" if found[1].startswith("-") else f"`{program}` has no use for"
        return UsageFault(f"{what} {found[1][:80]}.", hint)
    return UsageFault(f"{message[:1].upper()}{message[1:]}.", hint)
