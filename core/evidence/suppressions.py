"""Find new comments that silence a tool. Pure."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable

from core.evidence.findings import Finding, fingerprint

CODE = (
    *(".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs"),
    *(".go", ".rs", ".java", ".rb", ".sh", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".cs", ".fs", ".kt"),
    *(".swift", ".scala", ".php", ".pl", ".lua", ".r", ".jl", ".ex", ".exs", ".erl", ".hs", ".ml", ".clj"),
    *(".dart", ".zig", ".m", ".mm", ".vue", ".svelte", ".sql", ".bash", ".zsh", ".fish", ".ps1", ".bat"),
)
"""How the names of files with code end."""

_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("noqa", re.compile(r"#\s*(?:ruff:\s*|flake8:\s*)?noqa\b", re.I)),
    ("ruff-disable", re.compile(r"#\s*ruff:\s*(?:disable|ignore|file-ignore)\b", re.I)),
    ("nosec", re.compile(r"#\s*nosec\b", re.I)),
    ("type-ignore", re.compile(r"#\s*(?:type|pyright|mypy|ty)\s*:\s*(?:ignore\b|ignore-errors)", re.I)),
    ("no-cover", re.compile(r"#\s*pragma:\s*no\s*(?:cover|branch)\b", re.I)),
    ("pylint-disable", re.compile(r"#\s*pylint:\s*(?:disable|skip-file)\b", re.I)),
    ("nosemgrep", re.compile(r"(?:#|//)\s*nosem(?:grep)?\b", re.I)),
    ("secret-allowed", re.compile(r"(?:#|//)\s*pragma:\s*(?:allowlist|whitelist)\s+secret\b", re.I)),
    ("eslint-disable", re.compile(r"(?://|/\*)\s*eslint-disable", re.I)),
    ("ts-ignore", re.compile(r"//\s*@ts-(?:ignore|nocheck|expect-error)\b", re.I)),
)


def suppressions(path: str, text: str, lines: Iterable[int] | None = None) -> list[Finding]:
    """Return the silencing comments of a file, on `lines` only if given."""
    wanted = None if lines is None else set(lines)
    source = text.split("\n")
    comments = _comments(text) if path.endswith((".py", ".pyi")) else dict(enumerate(source, 1))
    found = []
    for number, comment in sorted(comments.items()):
        if wanted is not None and number not in wanted:
            continue
        for rule, pattern in _MARKS:
            if pattern.search(comment):
                line = source[number - 1] if number <= len(source) else comment
                mark = fingerprint("suppression", rule, path, line)
                told = f"a new comment silences a tool: {comment.strip()[:120]}"
                found.append(Finding("suppression", rule, "medium", path, number, told, mark))
                break
    return found


def _comments(text: str) -> dict[int, str]:
    """Return the comments of a Python text by line; of a broken one, every line that holds a `#`."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
    except (tokenize.TokenError, SyntaxError, ValueError):
        return {number: line for number, line in enumerate(text.split("\n"), 1) if "#" in line}
