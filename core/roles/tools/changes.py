"""Change files: write and edit, as far as the role may.

Both can be repeated after a crash: an edit keeps the digests of what it aims at before it writes.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from core.evidence.commands import is_test_path
from core.machine.states import State
from core.roles.context import RoleContext
from core.roles.tools.base import Arguments, Result, Tool, blocked, failed
from core.roles.tools.bounds import unmarked
from core.roles.tools.editing import Edited, EditError, apply_edit
from core.roles.tools.files import MAX_FILE, NotText, PathArgument, read_text, trouble
from core.roles.tools.linting import lint
from core.text import clean
from core.workspace import PathRefused, open_inside, write_inside
from core.workspace.paths import inside

Text = Annotated[str, Field(max_length=MAX_FILE)]


class WriteArguments(Arguments):
    """A whole file. `replace` must be true to make an existing file much shorter."""

    path: PathArgument
    content: Text
    replace: bool = False


class EditArguments(Arguments):
    """Replace `old` by `new`; `old` must fit exactly one place unless `replace_all` is set."""

    path: PathArgument
    old: Text
    new: Text
    replace_all: bool = False


def out_of_scope(context: RoleContext, path: str) -> str:
    """Return why the role may not change `path`; empty when it may. Raises PathRefused for what leads out."""
    plain = "/".join(inside(context.root, path))
    if context.state is State.TESTING and not is_test_path(plain, context.bench.settings):
        places = ", ".join(context.bench.settings.test_paths) or "tests folders and test files"
        return f"you may write only under the test paths ({places}), not to {clean(plain, lines=False)}."
    return ""


async def _write(context: RoleContext, arguments: WriteArguments, key: str) -> Result:
    path = arguments.path
    try:
        refused = out_of_scope(context, path)
        if refused:
            return blocked(refused)
        data = arguments.content.encode("utf-8")
        before = await asyncio.to_thread(_existing, context.root, path)
        if before == data:
            return Result(f"{_shown(path)} already has exactly this content.")
        if before is not None and len(data) * 2 < len(before) and len(before) > 400 and not arguments.replace:
            return failed(
                f"{_shown(path)} would shrink from {len(before)} to {len(data)} bytes. Use edit for a part "
                "of it, or set replace to true if that is what you mean."
            )
        await asyncio.to_thread(write_inside, context.root, path, data)
    except (PathRefused, OSError, UnicodeEncodeError) as error:
        if isinstance(error, UnicodeEncodeError):
            return failed("The content is not valid Unicode: it holds half of a surrogate pair.")
        return trouble(path, error)
    done = "written" if before is None else "replaced"
    lines = arguments.content.count("\n") + (not arguments.content.endswith("\n"))
    return Result(
        f"{_shown(path)} {done}, {lines} {'line' if lines == 1 else 'lines'}."
        + await lint(path, arguments.content)
    )


async def _edit(context: RoleContext, arguments: EditArguments, key: str) -> Result:
    async def aim() -> Any:
        return await asyncio.to_thread(_aim, context, arguments)

    # Kept before anything is written: repeated after a crash it finds the new text, not the old.
    aimed = await context.steps.once(f"{key}-aim", aim)
    if "refused" in aimed:
        return Result.from_data(aimed["refused"])
    try:
        text = await asyncio.to_thread(_reach, context.root, arguments, aimed)
    except (PathRefused, OSError, NotText, EditError) as error:
        return trouble(arguments.path, error)
    tier = "" if aimed["tier"] == "exact" else f" (found apart from {aimed['tier']})"
    return Result(f"{_shown(arguments.path)} edited{tier}." + await lint(arguments.path, text))


def _aim(context: RoleContext, arguments: EditArguments) -> dict[str, Any]:
    """Work the edit out without making it: its digests, or why it cannot be made."""
    try:
        refused = out_of_scope(context, arguments.path)
        if refused:
            return {"refused": blocked(refused).to_data()}
        text = read_text(context.root, arguments.path)
        edited = _edited(text, arguments)
        edited.text.encode("utf-8")
    except UnicodeEncodeError:
        return {"refused": failed("new is not valid Unicode: it holds half of a surrogate pair.").to_data()}
    except (PathRefused, OSError, NotText, EditError) as error:
        return {"refused": trouble(arguments.path, error).to_data()}
    return {"before": _digest(text), "after": _digest(edited.text), "tier": edited.tier}


def _reach(root: Path, arguments: EditArguments, aimed: dict[str, Any]) -> str:
    """Bring the file to the text that was aimed at, unless it is there already, and return that text."""
    text = read_text(root, arguments.path)
    if _digest(text) == aimed["after"]:
        return text
    edited = _edited(text, arguments)
    write_inside(root, arguments.path, edited.text.encode("utf-8"))
    return edited.text


def _edited(text: str, arguments: EditArguments) -> Edited:
    try:
        return apply_edit(text, arguments.old, arguments.new, arguments.replace_all)
    except EditError:
        plain = unmarked(arguments.old), unmarked(arguments.new)
        if plain[0] == arguments.old:
            raise
        # The model copied the signs that `read` shows for hidden characters.
        return apply_edit(text, *plain, arguments.replace_all)


def _existing(root: Path, path: str) -> bytes | None:
    try:
        with open_inside(root, path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _shown(path: str) -> str:
    return clean(path, lines=False, limit=200)


WRITE = Tool(
    "write",
    "Write a whole file, making its folders. For a part of an existing file use edit.",
    WriteArguments,
    _write,
    lambda a: f"writes {a.path}",
)
EDIT = Tool(
    "edit",
    "Replace a piece of a file. `old` is the exact text with enough lines around it to be found once.",
    EditArguments,
    _edit,
    lambda a: f"edits {a.path}",
)
