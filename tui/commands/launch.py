"""Opens the app. Everything here is the standard library's until Textual itself is wanted."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tui.commands.output import UsageFault
from tui.options import AppOptions


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are ours: one sentence, and the exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise UsageFault(f"{message[:1].upper()}{message[1:]}.", f"`{self.prog} --help` shows what there is.")


def launch(arguments: Sequence[str]) -> int:
    """Open the app on the user's journal."""
    if not arguments:
        return open_app(AppOptions())
    options = _parser().parse_args(arguments)
    if options.project is not None and not options.project.is_dir():
        raise UsageFault(f"There is no folder {options.project}.", "Name a git repository with --project.")
    return open_app(
        AppOptions(
            database_url=options.db,
            project=options.project,
            open_workflow=options.open,
            theme=options.theme,
            mouse=options.mouse,
        )
    )


def open_app(options: AppOptions) -> int:
    """Run the app until the user leaves it."""
    # Half of the imports' garbage collections happen before the first frame; the app switches it on again.
    gc.disable()
    from tui.app import run_app

    return run_app(options)


def add_app_options(parser: argparse.ArgumentParser) -> None:
    """Add what concerns the app's looks."""
    parser.add_argument("--theme", default="", help="the app's theme")
    parser.add_argument(
        "--no-mouse", dest="mouse", action="store_false", help="leave the mouse to the terminal"
    )


def _parser() -> Parser:
    parser = Parser(prog="qdeck", description="Open the board. `qdeck --help` lists the commands.")
    parser.add_argument("--db", default="", metavar="PATH|URL", help="where the journal is")
    parser.add_argument("--project", type=Path, metavar="PATH", help="the repository that new builds are for")
    parser.add_argument("--open", default="", metavar="BUILD", help="show this workflow at start")
    add_app_options(parser)
    return parser
