"""The `qdeck` command: sends each call where it belongs, turns every fault into a sentence and an exit code.

Bare `qdeck` and the demo open the app, so neither typer nor a database library is imported on their way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from core.errors import ExitCode, QdeckError

_INTERRUPTED = 128 + signal.SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nothing that goes wrong reaches the user as a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # A glyph that the terminal's encoding lacks must not end a command.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except QdeckError as error:
        from tui.commands.output import tell_error

        return tell_error(error, json_wanted(arguments))
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # `qdeck history … | head`: the reader has seen enough. Nobody reads the rest, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except Exception as error:
        from tui.commands.output import tell_unexpected

        return tell_unexpected(error, json_wanted(arguments))


def json_wanted(arguments: Sequence[str]) -> bool:
    """Say whether the caller asked for JSON, also where the arguments cannot be parsed."""
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in before


def _run(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("--version", "-V"):
        from importlib.metadata import version

        print(f"qdeck {version('qdeck')}")
        return ExitCode.DONE
    if arguments == ["completion", "--builds"]:
        from tui.commands.builds_known import print_builds

        return print_builds()
    if first == "demo":
        from tui.commands.demo import demo

        return demo(arguments[1:])
    if not first or (first.startswith("-") and first not in ("--help", "-h")):
        from tui.commands.launch import launch

        return launch(arguments)
    from tui.commands.menu import run_command

    return run_command(arguments)


if __name__ == "__main__":
    sys.exit(main())
