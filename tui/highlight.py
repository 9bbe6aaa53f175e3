"""Code in colours: the tokens of Pygments as spans. Pygments is imported with the first code."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tui.ink import Span

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LIMIT = 40_000
"""Characters of one piece of code that are coloured; what is longer is shown plain, at once."""

_INKS: tuple[tuple[str, str], ...] = (
    ("Token.Comment", "muted italic"),
    ("Token.Keyword.Constant", "need"),
    ("Token.Keyword", "role"),
    ("Token.Operator.Word", "role"),
    ("Token.Literal.String", "ok"),
    ("Token.Literal.Number", "need"),
    ("Token.Name.Function", "run"),
    ("Token.Name.Class", "run"),
    ("Token.Name.Decorator", "run"),
    ("Token.Name.Tag", "run"),
    ("Token.Generic.Inserted", "add"),
    ("Token.Generic.Deleted", "del"),
    ("Token.Generic.Heading", "muted"),
    ("Token.Error", "text"),
)


@lru_cache(maxsize=16)
def highlighted(code: str, language: str) -> list[list[Span]]:
    """Return the lines of `code` as spans; plain when the language is unknown or the code is very long."""
    lexer = load_language(language) if language and len(code) <= LIMIT else None
    if lexer is None:
        return [[Span(line, "text")] for line in code.split("\n")]
    lines: list[list[Span]] = [[]]
    for token, text in lexer.get_tokens(code):
        ink = _ink(str(token))
        for i, part in enumerate(text.split("\n")):
            if i:
                lines.append([])
            if part:
                lines[-1].append(Span(part, ink))
    # Pygments ends every text with a line break of its own.
    wanted = code.count("\n") + 1
    return lines[:wanted] + [[] for _ in range(wanted - len(lines))]


@lru_cache(maxsize=512)
def language_of(path: str) -> str:
    """Return the language of a file by its name; empty when it is not known."""
    from pygments.lexers import find_lexer_class_for_filename

    name = path.rpartition("/")[2]
    try:
        found = find_lexer_class_for_filename(name) if len(name) < 256 else None
    except (ValueError, OSError, ImportError):
        return ""
    return found.aliases[0] if found and found.aliases else ""


@lru_cache(maxsize=256)
def _ink(token: str) -> str:
    return next((ink for prefix, ink in _INKS if token.startswith(prefix)), "text")


@lru_cache(maxsize=64)
def load_language(language: str) -> Lexer | None:
    """Return what tells the tokens of a language, by any of its names; None when it is not known."""
    from pygments.lexers import LEXERS, get_lexer_by_name

    # Pygments would look through every installed package for a language that it does not know, and while a
    # language is being streamed it begins as "p", "py", "pyt".
    known = any(language.lower() in aliases for _, _, aliases, _, _ in LEXERS.values())
    # ensurenl and stripnl would change the number of lines.
    return get_lexer_by_name(language, stripnl=False, ensurenl=False) if known else None
