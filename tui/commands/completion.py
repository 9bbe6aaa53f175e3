"""`qdeck completion`: what the shell needs to complete commands, options, fixed values and build ids.

The script is written from the commands as they are. It asks qdeck for the ids of builds only, on a way that
imports next to nothing: starting all of it for each tab would take longer than typing.
"""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from core.errors import ExitCode
from tui.commands.flags import BUILD

_ASK = "completion --builds 2>/dev/null"
_CHOICES = re.compile(r"^[a-z0-9]+(\|[a-z0-9]+)+$")


class Shell(StrEnum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class Completed(NamedTuple):
    """One command: its words, what it does, its options, and the fixed values of those that have some.
    `builds` says that it is about a build."""

    words: tuple[str, ...]
    text: str
    options: tuple[str, ...]
    values: dict[str, tuple[str, ...]]
    builds: bool


def completion(shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")]) -> int:
    """Print the completion of a shell.

    For bash and zsh: `eval "$(qdeck completion bash)"`; for fish, pipe it into `source`.
    """
    from tui.commands.menu import app

    commands = walked(typer.main.get_command(app))
    print(_fish(commands) if shell is Shell.FISH else _bash(commands, zsh=shell is Shell.ZSH))
    return ExitCode.DONE


def walked(command: Any, words: tuple[str, ...] = ()) -> list[Completed]:
    """Return the command and all below it that are not hidden."""
    options: list[str] = ["--help"]
    values: dict[str, tuple[str, ...]] = {}
    for parameter in command.params:
        names = [name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-")]
        options += [name for name in names if name.startswith("--") and name not in options]
        kind = getattr(parameter, "type", None)
        chosen = getattr(kind, "choices", None) or _named(parameter.metavar)
        if chosen:
            values |= {name: tuple(str(getattr(c, "value", c)) for c in chosen) for name in names or [""]}
    below = getattr(command, "commands", {})
    builds = any(parameter.metavar in (BUILD, f"[{BUILD}]") for parameter in command.params)
    found = [Completed(words, command.get_short_help_str(70), tuple(options), values, builds)]
    for name, child in below.items():
        if not child.hidden:
            found += walked(child, (*words, name))
    return found


def _named(metavar: str | None) -> list[str]:
    return metavar.split("|") if metavar and _CHOICES.match(metavar) else []


def _below(commands: list[Completed], words: tuple[str, ...]) -> list[str]:
    return [c.words[-1] for c in commands if c.words[:-1] == words and c.words]


def _bash(commands: list[Completed], *, zsh: bool) -> str:
    cases = []
    for command in commands:
        offered = [*_below(commands, command.words), *command.values.get("", ()), *command.options]
        cases.append(f"    {shlex.quote(' '.join(command.words))}) words={shlex.quote(' '.join(offered))} ;;")
    fixed = {(c.words, o): v for c in commands for o, v in c.values.items() if o}
    values = [
        f"    {shlex.quote(' '.join((*words, option)))}) words={shlex.quote(' '.join(chosen))} ;;"
        for (words, option), chosen in fixed.items()
    ]
    builds = "|".join(shlex.quote(" ".join(c.words)) for c in commands if c.builds)
    groups = "|".join(sorted({" ".join(c.words[:-1]) for c in commands if len(c.words) > 1})) or "-"
    head = "autoload -U +X bashcompinit && bashcompinit\n" if zsh else ""
    return f"""{head}_qdeck() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" path="" words="" word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in
      -*) ;;
      *) if [ -z "$path" ]; then path="$word"
         else case "$path" in {groups}) path="$path $word" ;; esac; fi ;;
    esac
  done
  case "$path $before" in
{chr(10).join(values)}
  esac
  [ -n "$words" ] || case "$path" in
{chr(10).join(cases)}
  esac
  case "$current" in -*) ;; *) case "$path" in
    {builds}) words="$words $(command "${{1:-qdeck}}" {_ASK})" ;;
  esac ;; esac
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
}}
complete -o default -F _qdeck qdeck"""


def _fish(commands: list[Completed]) -> str:
    lines = ["complete -c qdeck -f -n __fish_use_subcommand -l version -d 'Print the version'"]
    for command in commands:
        words, text = command.words, command.text.replace("\\", "\\\\").replace("'", "\\'")
        if words:
            inside = f"__fish_seen_subcommand_from {words[-2]}" if len(words) > 1 else "__fish_use_subcommand"
            lines.append(f"complete -c qdeck -f -n '{inside}' -a {words[-1]} -d '{text}'")
        here = f"__fish_seen_subcommand_from {words[-1]}" if words else "__fish_use_subcommand"
        if command.builds:
            lines.append(f"complete -c qdeck -f -n '{here}' -a '(qdeck {_ASK})'")
        for option in command.options:
            chosen = command.values.get(option, ())
            tail = f" -x -a '{' '.join(chosen)}'" if chosen else ""
            lines.append(f"complete -c qdeck -n '{here}' -l {option.removeprefix('--')}{tail}")
    return "\n".join(lines)
