"""Findings of the scanners, comparable between two trees."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a scanner says about one line.

    `severity` is "high", "medium", "low" (advice). `fingerprint` does not contain the line number, so that a
    finding that only moved keeps it; `copy` counts new findings with the same one, from 1.
    """

    tool: str
    rule: str
    severity: str
    path: str
    line: int
    text: str
    fingerprint: str
    copy: int = 1

    @property
    def key(self) -> str:
        """What a person accepts it by; the second copy of a line has a key of its own."""
        again = f".{self.copy}" if self.copy > 1 else ""
        return f"{self.tool}:{self.fingerprint[:12]}{again}"

    @property
    def blocks(self) -> bool:
        """Whether the finding must be fixed or accepted; low ones are advice."""
        return self.severity != "low"

    @property
    def where(self) -> str:
        """The place, as `path:line`."""
        return f"{self.path}:{self.line}"

    def __str__(self) -> str:
        return f"{self.where} {self.tool} {self.rule} ({self.severity}): {self.text}"

    def to_data(self) -> dict[str, Any]:
        """Return the finding as JSON data."""
        return {
            "tool": self.tool,
            "rule": self.rule,
            "severity": self.severity,
            "path": self.path,
            "line": self.line,
            "text": self.text,
            "fingerprint": self.fingerprint,
            "copy": self.copy,
            "key": self.key,
            "askable": self.blocks,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Finding:
        """Read what `to_data` wrote."""
        return cls(
            str(data["tool"]),
            str(data["rule"]),
            str(data["severity"]),
            str(data["path"]),
            int(data["line"]),
            str(data["text"]),
            str(data["fingerprint"]),
            int(data.get("copy", 1)),
        )


def fingerprint(tool: str, rule: str, path: str, line_text: str) -> str:
    """Return what names a finding across edits: the tool, the rule, the file and the line's words."""
    key = "\0".join((tool, rule, path, " ".join(line_text.split())))
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def new_findings(base: Iterable[Finding], new: Iterable[Finding]) -> list[Finding]:
    """Return the findings of `new` that `base` does not have; a second copy of an old one is new."""
    known = Counter(finding.fingerprint for finding in base)
    seen: Counter[str] = Counter()
    fresh = []
    for finding in sorted(new, key=lambda f: (f.path, f.line, f.tool, f.rule)):
        if known[finding.fingerprint] > 0:
            known[finding.fingerprint] -= 1
        else:
            seen[finding.fingerprint] += 1
            fresh.append(replace(finding, copy=seen[finding.fingerprint]))
    return fresh
