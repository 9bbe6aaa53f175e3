"""The options of the app and the demo, read without typer: that alone would take a tenth of a second."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are ours: one sentence, and the exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        from tui.commands.wrong import option_fault

        raise option_fault(message, self.prog)


def app_parser() -> Parser:
    """Return the parser of a call without a command."""
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


def add_app_options(parser: argparse.ArgumentParser) -> None:
    """Add what concerns the app's looks."""
    parser.add_argument("--theme", default="", help="the app's theme")
    parser.add_argument(
        "--no-mouse", dest="mouse", action="store_false", help="leave the mouse to the terminal"
    )
