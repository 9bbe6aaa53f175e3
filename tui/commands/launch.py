"""Opens the app. Everything here is the standard library's until Textual itself is wanted."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tui.commands.output import UsageFault
from tui.options import AppOptions

_DEMO = -1
"""What the app answers when the person wants to see the demo next."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are ours: one sentence, and the exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        from tui.commands.wrong import option_fault

        raise option_fault(message, self.prog)


def launch(arguments: Sequence[str]) -> int:
    """Open the app on the user's journal."""
    if not arguments:
        return open_app(AppOptions(welcome=True, resume=True))
    options = _parser().parse_args(arguments)
    if options.project is not None and not options.project.is_dir():
        raise UsageFault(f"There is no folder {options.project}.", "Name a git repository with --project.")
    if options.read_only or options.open:
        from tui.commands.session import insist_on_journal, settings_of

        insist_on_journal(settings_of(options.db))
    return open_app(
        AppOptions(
            database_url=options.db,
            project=options.project,
            open_workflow=options.open,
            theme=options.theme,
            mouse=options.mouse,
            welcome=not (options.db or options.web or options.read_only),
            resume=not options.db and not options.web,
            read_only=options.read_only,
            in_browser=options.web,
        )
    )


def open_app(options: AppOptions) -> int:
    """Run the app until the user leaves it; the demo after it when they chose that."""
    from core.config import load_settings
    from tui import lean, memory
    from tui.ahead import FirstLook

    memory.begin()
    # Textual draws a key with its next frame. Streams are drawn no more often than before.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    settings = load_settings(flags=options.all_flags)
    look = FirstLook(settings.database_url)
    lean.spare_openssl()
    from tui.app import run_app

    code = run_app(options, settings=settings, first_look=look)
    if code == _DEMO:
        from tui.commands.demo import demo

        return demo([])
    return code


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
    parser.add_argument(
        "--read-only", action="store_true", help="look only: no key can change anything, no worker is started"
    )
    # What `qdeck web` starts for each window.
    parser.add_argument("--web", action="store_true", help=argparse.SUPPRESS)
    add_app_options(parser)
    return parser
