"""What the command line hands to the app. Standard library only: it is read before Textual is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class AppOptions:
    """How the app starts.

    `database_url` is a path or a URL, empty for the one of the settings. `project` is where a request on
    the board goes; without one it is the repository that the app was started in. `open_workflow` names
    the workflow that is shown first. `worker_arguments` are handed to a worker that the app starts
    itself. `welcome` greets who never used qdeck; `resume` opens what was open last time; `read_only`
    lets nothing be written; `in_browser` runs without a terminal, driven by a web page. `on_terminal` lets
    the theme follow what the terminal can show. `flags` outrank every other source of settings.
    """

    database_url: str = ""
    project: Path | None = None
    open_workflow: str = ""
    theme: str = ""
    mouse: bool = True
    start_worker: bool = True
    worker_arguments: tuple[str, ...] = ()
    welcome: bool = False
    resume: bool = False
    read_only: bool = False
    in_browser: bool = False
    on_terminal: bool = False
    flags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_flags(self) -> dict[str, Any]:
        """The flags, the journal's address among them."""
        return {**self.flags, **({"database_url": self.database_url} if self.database_url else {})}
