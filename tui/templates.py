"""Templates of requests: a few come with qdeck, and everybody may keep their own beside the settings."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from core.text import clean

SHIPPED = ("feature", "fix", "refactor", "docs")
LARGEST = 20_000
"""Bytes of a template that are read."""


@dataclass(frozen=True, slots=True)
class Template:
    """One template. `title` is its first line; `text` is what goes into the request."""

    name: str
    title: str
    text: str
    own: bool = False


def templates(folder: Path) -> list[Template]:
    """Return the user's templates (`*.md` in `folder`), then the shipped ones that none of them replaces."""
    try:
        files = sorted(path for path in folder.glob("*.md") if path.is_file())[:100]
    except OSError:
        files = []
    mine = [found for path in files if (found := _read(path)) is not None]
    taken = {template.name for template in mine}
    shipped = [
        template_of(name, resources.files("prompts").joinpath("templates", f"{name}.md").read_text("utf-8"))
        for name in SHIPPED
        if name not in taken
    ]
    return [*mine, *shipped]


def _read(path: Path) -> Template | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST)
    except OSError:
        return None
    return template_of(path.stem, data.decode("utf-8", "replace"), own=True)


def template_of(name: str, text: str, *, own: bool = False) -> Template:
    """Return the template that a file holds: a heading on its first line is what it is called."""
    text = clean(text, limit=LARGEST)
    first, _, rest = text.strip().partition("\n")
    title = first.removeprefix("#").strip() if first.startswith("#") else name
    body = rest if first.startswith("#") else text
    return Template(clean(name, lines=False, limit=40), title[:80], body.strip("\n") + "\n", own)


def filled(template: Template, written: str) -> str:
    """Return the request with the template in it; what was written already stays, on top."""
    return f"{written.rstrip()}\n\n{template.text}" if written.strip() else template.text
