"""A path as people write it. Imports nothing but the errors: settings are read before the first frame."""

from __future__ import annotations

from pathlib import Path

from core.errors import ConfigError


def expanded(path: str | Path) -> Path:
    """Return a path with the home filled in that a tilde stands for. Raises ConfigError for nobody's home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        name = str(path).partition("/")[0].removeprefix("~")
        raise ConfigError(f"Nobody here is called {name[:40]}.", "Correct the path.") from None
