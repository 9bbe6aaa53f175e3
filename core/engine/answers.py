"""What persons have said to single findings, as the gates are handed it.

It comes from the workflow's own events and from the project's standing yeses, both given by persons through
the service. Nothing that a role, a repository or a tool says gets in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.evidence import digest_of
from core.journal.engine import ProjectRow
from core.machine.workflow import Verdict, Workflow


@dataclass(frozen=True, slots=True)
class Answers:
    """Accepted and declined keys, each with the words that are shown for it.

    `tag` differs as soon as anything else was said: what was judged under another tag is judged again.
    """

    accepted: Mapping[str, str] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """A short word for all of it; empty while nobody has said anything."""
        if not self.accepted and not self.declined:
            return ""
        return f"-{digest_of([sorted(self.accepted.items()), sorted(self.declined.items())])[:10]}"


def answers_of(workflow: Workflow, project: ProjectRow) -> Answers:
    """Return what persons have said; a word on this very build goes before a standing yes."""
    accepted = {
        entry["key"]: f"standing yes of {str(entry['by']).removeprefix('person:')}: {entry['reason']}"
        for entry in project.settings.get("standing", ())
        if not entry.get("revoked_by")
    }
    declined = {}
    for key, said in workflow.acceptances.items():
        if said.counts:
            accepted[key] = str(said)
        elif said.verdict is Verdict.DECLINED:
            accepted.pop(key, None)
            declined[key] = f"A person said no ({said.by.removeprefix('person:')}: {said.reason})"
    return Answers(accepted, declined)
