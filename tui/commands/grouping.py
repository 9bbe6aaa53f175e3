"""`qdeck --help` by what people want to do, instead of one long list."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

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
