"""Opens the app. Everything here is the standard library's until Textual itself is wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tui.options import AppOptions

_DEMO = -1
"""What the app answers when the person wants to see the demo next."""


def launch(arguments: Sequence[str]) -> int:
    """Open the app on the user's journal."""
    if not arguments:
        return open_app(AppOptions(welcome=True, resume=True))
    from tui.commands.output import UsageFault
    from tui.commands.parser import app_parser

    options = app_parser().parse_args(arguments)
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
    lean.spare_libraries()
    from tui.app import run_app

    code = run_app(options, settings=settings, first_look=look)
    if code == _DEMO:
        from tui.commands.demo import demo

        return demo([])
    return code
