"""Writes the user's settings file: one value at a time, everything else in it left as its owner wrote it.

Comments, order and keys that this version does not know stay. What cannot be a value is refused before the
file is touched, in the words of whoever reads it.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.config import Paths, parse_setting, user_values
from core.errors import ConfigError

Name = tuple[str, ...]
"""A setting's name: `("autonomy",)`, or with the entry of a table, `("models", "code_writer")`."""


def read_setting(name: Name, paths: Paths | None = None) -> Any:
    """Return a value as it stands in the user's file; None where it does not, or nothing can be read."""
    try:
        found: Any = user_values((paths or Paths.find()).config_file)
    except ConfigError:
        return None
    for key in name:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def write_setting(name: Name, value: Any, paths: Paths | None = None) -> Path:
    """Set one value in the user's file, None to take it out, and return the file.

    Raises ConfigError when the value cannot be, or when the file cannot be read or written.
    """
    return write_settings({name: value}, paths)


def write_settings(changes: Mapping[Name, Any], paths: Paths | None = None) -> Path:
    """Set several values at once: all of them, or none."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = (paths or Paths.find()).config_file
    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8") if file.exists() else "")
    except (TOMLKitError, UnicodeDecodeError) as error:
        what = f"{file} is no valid TOML, so nothing can be written into it: {error}."
        raise ConfigError(what, "Correct the file.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.", "Correct its permissions.") from error
    for name, value in changes.items():
        _change(document, name, value)
    for key in {name[0] for name in changes if changes[name] is not None}:
        parse_setting(str(file), key, document[key].unwrap())
    _write(file, tomlkit.dumps(document))
    return file


def _change(document: Any, name: Name, value: Any) -> None:
    """Set or take out one value in the document."""
    import tomlkit

    key, *entry = name
    if not entry:
        if value is None:
            document.pop(key, None)
        else:
            document[key] = _plain(value)
        return
    if value is None:
        if isinstance(document.get(key), dict):
            document[key].pop(entry[0], None)
        return
    if not isinstance(document.get(key), dict):
        document[key] = tomlkit.table()
    document[key][entry[0]] = _plain(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _write(file: Path, text: str) -> None:
    """Replace the file in one step; a file that is a link elsewhere is replaced there."""
    target = file.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        descriptor, scratch = tempfile.mkstemp(prefix=".config-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(scratch).chmod(mode)
            Path(scratch).replace(target)
        except OSError:
            with contextlib.suppress(OSError):
                Path(scratch).unlink()
            raise
    except OSError as error:
        what = f"{file} cannot be written: {error.strerror}."
        raise ConfigError(what, "Correct the folder's permissions.") from error


def manual() -> dict[str, str]:
    """Return the sentence that explains each setting: the one that follows its field in `core.config`."""
    import inspect

    from core import config

    tree = ast.parse(inspect.getsource(config))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            value = text.value if isinstance(text, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[field.target.id] = value.value
    return found
