"""What the app remembers between two sessions: where you were, what you were writing and wrote."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.remarks import Remarks

LARGEST = 1_000_000
"""Bytes that are read or kept at most."""
KEPT = 100
"""Texts that were sent and are kept, the newest."""
DRAFTS, LONGEST_DRAFT = 20, 20_000
"""Drafts that are held, and characters of one that is kept for the next session too."""
LONGEST_SENT = 1_000
"""Characters of such a text: a longer one is not what somebody wants to send again."""


@dataclass
class Remembered:
    """One small file beside the journal. `workflow_id` is the workflow that was open, `form` a build that was
    being described, `theme` the colours that were chosen in passing, `sent` what was said in chats, `drafts`
    what is written there and not sent yet, `remarks` what was noted on diffs."""

    file: Path
    workflow_id: str = ""
    theme: str = ""
    form: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    drafts: dict[str, list[str]] = field(default_factory=dict)
    """By workflow, "" for the board: what is in the field, then the pieces beside it."""
    remarks: Remarks = field(default_factory=Remarks)

    @classmethod
    def read(cls, file: Path) -> Remembered:
        """Return what was kept; nothing when there is none, or when it cannot be understood."""
        kept = cls(file)
        try:
            if file.stat().st_size <= LARGEST:
                data = json.loads(file.read_text(encoding="utf-8"))
                kept.workflow_id, kept.theme = _text(data, "workflow_id"), _text(data, "theme")
                sent = data.get("sent")
                kept.sent = [t for t in sent if isinstance(t, str)] if isinstance(sent, list) else []
                kept.drafts = _drafts(data.get("drafts"))
                kept.remarks = Remarks.read(data.get("remarks"))
                form = data.get("form")
                if isinstance(form, dict):
                    kept.form = {str(k): v for k, v in form.items() if isinstance(v, str)}
        except (OSError, ValueError, AttributeError):
            return cls(file)
        return kept

    def draft(self, workflow_id: str, written: list[str]) -> None:
        """Hold what is written to a workflow; nothing when nothing is. Of many the newest are held."""
        self.drafts.pop(workflow_id, None)
        if any(written):
            self.drafts[workflow_id] = written
            for old in list(self.drafts)[:-DRAFTS]:
                del self.drafts[old]

    def keep(self) -> None:
        """Write it down, in one step; a full disk or a folder of somebody else's is not worth a word."""
        sent = [text for text in self.sent if len(text) <= LONGEST_SENT][-KEPT:]
        what = {
            "workflow_id": self.workflow_id,
            "theme": self.theme,
            "form": self.form,
            "sent": sent,
            "drafts": {k: v for k, v in self.drafts.items() if sum(map(len, v)) <= LONGEST_DRAFT},
            "remarks": self.remarks.to_data(),
        }
        # Texts of any language as they are: escaped they would take up to six times the room.
        text = json.dumps(what, ensure_ascii=False).encode("utf-8", "replace")
        if len(text) > LARGEST:
            return
        scratch = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch.write_bytes(text)
            scratch.replace(self.file)


def _drafts(kept: object) -> dict[str, list[str]]:
    if not isinstance(kept, dict):
        return {}
    return {str(k): [str(text) for text in v] for k, v in kept.items() if isinstance(v, list)}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
