"""Every command but the bare one, through typer. What the commands do stands in their modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from core.errors import ExitCode
from tui.commands import (
    accepting,
    builds,
    completion,
    due,
    granting,
    orders,
    questions,
    record,
    serving,
    tokens,
    web,
)
from tui.commands.grouping import Grouped, Plain
from tui.commands.wrong import usage_fault

# typer keeps its own copy of click; these are the bases of its complaints under both.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

_EPILOG = """`qdeck` alone opens the board. It takes --project PATH (where new builds go), --open BUILD,
--read-only, --theme THEME, --no-mouse and --db PATH|URL. `qdeck --version` says which one this is.

Exit codes: 0 complete or done, 1 failed, 2 refused, 3 waiting for a person, 4 unknown id, 5 stale,
64 wrong usage."""

app = typer.Typer(
    name="qdeck",
    cls=Grouped,
    help="A control room for software built by AI roles, where nothing moves on without proof.",
    epilog=_EPILOG,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config = typer.Typer(help="Where the settings are.", no_args_is_help=True, rich_markup_mode=None)
token = typer.Typer(
    help="Who may speak over the HTTP API, and how far.", no_args_is_help=True, rich_markup_mode=None
)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def demo(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> int:
    """Watch five roles build a feature; no key needed."""
    from tui.commands.demo import demo

    return demo(arguments or [])


for name, command in (
    ("run", builds.run),
    ("start", builds.start),
    ("advance", orders.advance),
    ("accept", accepting.accept),
    ("override", accepting.override),
    ("standing", accepting.standing),
    ("grant", granting.grant),
    ("retry", orders.retry),
    ("rollback", orders.rollback),
    ("fork", orders.fork),
    ("chat", orders.chat),
    ("pause", orders.pause),
    ("resume", orders.resume),
    ("cancel", orders.cancel),
    ("budget", orders.budget),
    ("deadline", due.deadline),
    ("status", questions.status),
    ("history", questions.history),
    ("stats", questions.stats),
    ("projects", questions.projects),
    ("verify", record.verify),
    ("rebuild", record.rebuild),
    ("export", record.export),
    ("schema", record.schema),
    ("aside", record.aside),
    ("machine", questions.machine),
    ("doctor", questions.doctor),
    ("worker", builds.worker),
    ("serve", serving.serve),
    ("web", web.web),
    ("completion", completion.completion),
):
    app.command(name, cls=Plain)(command)
config.command("path", cls=Plain)(questions.config_path)
# A second command keeps typer from folding the group away; it is useful as well.
config.command("show", cls=Plain)(questions.config_show)
app.add_typer(config, name="config")
app.command("api", hidden=True, cls=Plain)(serving.serve)
token.command("new", cls=Plain)(tokens.new)
token.command("list", cls=Plain)(tokens.listed)
token.command("revoke", cls=Plain)(tokens.revoke)
app.add_typer(token, name="token")


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = app(args=list(arguments), prog_name="qdeck", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit:
        # typer's own end when the reader of the output has gone, as in `qdeck history … | head`.
        return ExitCode.DONE
    except _UsageError as error:
        raise usage_fault(error, arguments) from error
    return code if isinstance(code, int) else ExitCode.DONE
