"""What the stories of the stateful tests are made of: real trees, packets and digests, and a few that lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence import digest_of
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.roles.packets import Plan, Requirement
from core.service.views import EventView
from core.workspace import Repository, open_repository, tree_of
from core.workspace.git import run_git
from core.workspace.repository import commit_tree
from tests.rules.model import Model

LOST = "f" * 40
"""A tree and a commit that no repository has."""


@dataclass
class Story:
    """One workflow: its id, what should be stored of it, and what has to stay readable."""

    id: str
    model: Model
    seen: list[EventView] = field(default_factory=list)
    attempts: list[tuple[str, int]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    completed_tree: str = ""


class Forest:
    """A repository with some trees, each with its commit, and one that it does not have."""

    def __init__(self, folder: Path) -> None:
        run_git("init", "--quiet", "--initial-branch=main", str(folder), folder=folder.parent)
        git_dir = folder / ".git"
        trees = []
        for number in range(4):
            feed = f"print({number})\n".encode()
            blob = run_git("hash-object", "-w", "--stdin", git_dir=git_dir, feed=feed).text
            listing = f"100644 blob {blob}\tslug.py\n".encode()
            trees.append(run_git("mktree", git_dir=git_dir, feed=listing).text)
        bare = Repository(folder, git_dir, "main", "")
        self.commits = [(commit_tree(bare, tree, (), "kept"), tree) for tree in trees]
        run_git("update-ref", "refs/heads/main", self.commits[0][0], git_dir=git_dir)
        self.repository = open_repository(folder)
        self.there = {tree_of(self.repository, commit) for commit, _ in self.commits}
        self.commits.append((LOST, LOST))


def made(kind: str, n: int, *, ok: bool, honest: bool, rests_on: Mapping[str, str]) -> Evidence:
    """The piece `n` of its kind, with the digest of its content, or with one that lies."""
    content: dict[str, Any] = {"n": n}
    if kind == "requirement":
        packet: Requirement | Plan = Requirement.model_validate(
            {"summary": f"Wish {n}", "criteria": [{"number": 1, "text": "It folds umlauts"}]}
        )
    elif kind == "plan":
        packet = Plan.model_validate(
            {
                "summary": f"Way {n}",
                "kind_of_change": "feature",
                "tasks": [{"text": "write it", "criteria": [1]}],
                "files": ["slug.py"],
                "risks": ["none"],
                "proofs": [{"criterion": 1, "kind": "person", "proof": "look"}],
            },
            strict=False,
        )
    if kind in ("requirement", "plan"):
        content, digest = packet.to_data(), packet.digest()
    else:
        whole = {"kind": kind, "ok": ok, "rests_on": dict(rests_on), "summary": "so it is", "detail": content}
        digest = digest_of(whole)
    digest = digest if honest else f"{n}-not-{digest}"
    return Evidence(EvidenceKind(kind), ok, digest, dict(rests_on), "so it is", content)
