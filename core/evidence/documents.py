"""Examples and links in Markdown documents: do they read as what they are, do they lead somewhere. Pure."""

from __future__ import annotations

import ast
import doctest
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[\w+.-]*)[^\n]*$")
_LINK = re.compile(r"!?\[[^\]\n]*\]\((?P<target><[^>\n]+>|[^\s)]+)(?:\s+[\"'][^)\n]*)?\)")
_REFERENCE = re.compile(r"(?m)^[ ]{0,3}\[[^\]\n]+\]:[ \t]+(?P<target>\S+)")


def fences(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, language and content of each fenced block."""
    mark, word, start = "", "", 0
    content: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        found = _FENCE.match(line)
        if not mark and found:
            mark, word, start, content = found["mark"], found["word"].lower(), number, []
        elif mark and line.strip().startswith(mark) and not line.strip().strip(mark[0]):
            yield start, word, textwrap.dedent("\n".join(content))
            mark = ""
        elif mark:
            content.append(line)


def broken_examples(text: str) -> list[tuple[int, str]]:
    """Return line and reason of each Python, JSON or TOML example that cannot be read as such."""
    told = []
    for line, word, content in fences(text):
        try:
            if word in ("python", "py", "python3", "pycon"):
                _compile(content)
            elif word == "json":
                json.loads(content)
            elif word == "toml":
                tomllib.loads(content)
        except (SyntaxError, ValueError, RecursionError) as error:
            told.append((line, f"this {word} example cannot be read: {str(error)[:200]}"))
    return told


def _compile(content: str) -> None:
    """Compile a piece of Python: a session with `>>>` by its parts, anything else as a whole."""
    if re.search(r"(?m)^\s*>>> ", content):
        parts = [example.source for example in doctest.DocTestParser().get_examples(content)]
    else:
        parts = [content]
    for part in parts:
        compile(part, "example", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def broken_links(path: str, text: str, paths: Iterable[str]) -> list[tuple[int, str]]:
    """Return line and target of each relative link that leads to no file or heading of the tree."""
    known = set(paths)
    folders = {parent.as_posix() for name in known for parent in PurePosixPath(name).parents}
    own = headings(text)
    prose = _without_code(text)
    told = []
    for found in (*_LINK.finditer(prose), *_REFERENCE.finditer(prose)):
        target = unquote(found["target"].strip("<>"))
        if re.match(r"[a-zA-Z][\w+.-]*:|//", target):
            continue
        place, _, anchor = target.partition("#")
        line = prose.count("\n", 0, found.start()) + 1
        if not place:
            if anchor and anchor.lower() not in own:
                told.append((line, f"the link #{anchor} leads to no heading of this document"))
            continue
        aim = _normal(PurePosixPath(path).parent, place.split("?", 1)[0])
        if aim is None or (aim not in known and aim not in folders):
            told.append((line, f"the link {place} leads to no file"))
    return told


def headings(text: str) -> set[str]:
    """Return the anchors of a document's headings, as hosts of repositories make them."""
    found: set[str] = set()
    for line in _without_code(text).split("\n"):
        if title := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            words = re.sub(r"[^\w\- ]", "", title[1].lower()).strip().replace(" ", "-")
            number = 1
            anchor = words
            while anchor in found:
                anchor, number = f"{words}-{number}", number + 1
            found.add(anchor)
        found |= set(re.findall(r"(?:id|name)=[\"']([^\"']+)", line))
    return found


def _without_code(text: str) -> str:
    """Blank out fenced blocks and code spans, lines and columns kept."""
    lines = text.split("\n")
    for start, _, content in fences(text):
        for number in range(start, min(len(lines), start + content.count("\n") + 2)):
            lines[number - 1] = ""
    return re.sub(r"`[^`\n]+`", lambda found: " " * len(found[0]), "\n".join(lines))


def _normal(folder: PurePosixPath, place: str) -> str | None:
    """Return a link's aim as a path of the tree; None where it leads out of it."""
    parts: list[str] = [] if place.startswith("/") else list(folder.parts)
    for part in PurePosixPath(place.lstrip("/")).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."
