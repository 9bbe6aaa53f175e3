"""What the app remembers between two sessions: where you were, and what you were writing."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST = 400_000
"""Bytes that are read or kept at most."""


@dataclass
class Remembered:
    """One small file beside the journal. `workflow_id` is the workflow that was open, `form` a build that was
    being described, `theme` the colours that were chosen in passing."""

    file: Path
    workflow_id: str = ""
    theme: str = ""
    form: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Remembered:
        """Return what was kept; nothing when there is none, or when it cannot be understood."""
        kept = cls(file)
        try:
            if file.stat().st_size <= LARGEST:
                data = json.loads(file.read_text(encoding="utf-8"))
                kept.workflow_id, kept.theme = _text(data, "workflow_id"), _text(data, "theme")
                form = data.get("form")
                if isinstance(form, dict):
                    kept.form = {str(k): v for k, v in form.items() if isinstance(v, str)}
        except (OSError, ValueError, AttributeError):
            return cls(file)
        return kept

    def keep(self) -> None:
        """Write it down, in one step; a full disk or a folder of somebody else's is not worth a word."""
        text = json.dumps({"workflow_id": self.workflow_id, "theme": self.theme, "form": self.form})
        if len(text) > LARGEST:
            return
        scratch = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.file)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
