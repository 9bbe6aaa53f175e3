"""`qdeck --help` by what people want to do, instead of one long list."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Build", ("demo", "run", "start", "worker")),
    ("Decide", ("advance", "retry", "rollback", "fork", "accept", "override", "standing", "grant")),
    ("Steer", ("chat", "pause", "resume", "cancel", "budget", "deadline")),
    ("Look", ("status", "history", "stats", "projects", "machine")),
    ("The record", ("verify", "rebuild", "schema", "dossier", "replay", "export", "aside")),
    ("Serve", ("serve", "web", "token")),
    ("Set up", ("doctor", "config", "completion")),
)


class Grouped(TyperGroup):
    """The commands under headings; one that no heading names stands under the last."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        left = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        left = {name: command for name, command in left.items() if command and not command.hidden}
        width = max(map(len, left), default=0)
        for title, names in (*GROUPS, ("More", tuple(left))):
            rows = []
            for name in names:
                if command := left.pop(name, None):
                    rows.append((name.ljust(width), command.get_short_help_str(formatter.width - width - 6)))
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Plain(TyperCommand):
    """One command, its help in the words of its own options: no braces, no types, no ranges."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the command's name in its first line."""
        arguments = [_signature(p) for p in self.params if p.param_type_name == "argument"]
        return ["[OPTIONS]", *arguments]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write what it takes."""
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            if not getattr(param, "hidden", False):
                argument = param.param_type_name == "argument"
                rows["Arguments" if argument else "Options"].append((_signature(param), _explained(param)))
        for title, listed in rows.items():
            if listed:
                with formatter.section(title):
                    formatter.write_dl(listed)


def _signature(param: Any) -> str:
    """A parameter as it is typed: `-r, --reason TEXT`, or the name of an argument."""
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper())
    names = ", ".join(sorted(param.opts, key=len))
    names += f" / {', '.join(param.secondary_opts)}" if param.secondary_opts else ""
    return names if param.is_flag or param.name == "help" else f"{names} {param.metavar or 'TEXT'}"


def _explained(param: Any) -> str:
    """What it is for, and what counts without it where that is worth knowing."""
    default = param.default
    worth = default not in (None, "", (), False, True) and not callable(default) and str(default) != "."
    after = f" Default: {default}." if worth and param.param_type_name != "argument" else ""
    if param.required and param.param_type_name != "argument":
        after = " Required."
    return f"{param.help or ''}{after}"
