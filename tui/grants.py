"""What a grant of secrets and hosts is bound to, and how what a person writes is read.

Knows neither screens nor commands: both say it in their own way.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import PROJECT_FILE, load_settings
from core.config_values import PARSERS
from core.errors import ProjectError
from core.grants import grant_digest, host_name, secret_name
from tui.projects import committed

if TYPE_CHECKING:
    from core.service.views import ProjectView


def bound(project: ProjectView, command: str) -> tuple[tuple[str, ...], str]:
    """Return the words of the command as they count now, and the digest of them and what they stand for.

    Raises ProjectError where no such command counts.
    """
    read = partial(committed, Path(project.path), project.default_branch)
    flags = {key: value for key, value in project.settings.items() if key in PARSERS}
    trusted = project.settings.get("trusted", ())
    settings = load_settings(read(PROJECT_FILE) or b"", flags, trusted=trusted)
    argv: tuple[str, ...] = settings.deploy_command if command == "deploy" else settings.rollback_command
    if not argv:
        key = f"{command}_command"
        asked = next((a for a in settings.asks if a.key == key), None)
        hint = f"Set {key} in your settings."
        if asked:
            hint = f"{PROJECT_FILE} asks for {asked.value}; allow it first: trusted {asked.digest}."
        raise ProjectError(f"This project has no {command} command that counts.", hint)
    return argv, grant_digest(command, argv, read)


def read_names(text: str) -> tuple[list[str], list[str]]:
    """Return the secrets and the hosts among words; a dot or a colon makes a host. Raises ValueError."""
    words = text.replace(",", " ").split()
    hosts = [word for word in words if "." in word or ":" in word]
    return [secret_name(word) for word in words if word not in hosts], [host_name(word) for word in hosts]
