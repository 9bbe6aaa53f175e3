"""The errors that reach people, in one tree. Imports nothing of ours.

QdeckError
├── ProjectError      not a repository, bare, empty, no default branch, a checkout in the way
├── ConfigError       a setting that cannot be read, with file and key
├── ModelError        no model, wrong key, quota, unreachable, bad answer (`fault` says which)
├── SandboxError      none available, or a command that may not run
├── JournalError      locked, read-only, corrupt, newer, full
└── UnknownError      no such workflow or project
"""

from __future__ import annotations

from enum import StrEnum


class ExitCode:
    """The exit codes of every command, part of the public interface."""

    DONE = 0
    FAILED = 1
    REFUSED = 2
    WAITING = 3
    UNKNOWN = 4
    STALE = 5
    USAGE = 64


class QdeckError(Exception):
    """Something went wrong that a person can act on.

    `what` is one sentence on what happened and what it means for their work; `hint` is what to do next.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()


class ProjectError(QdeckError):
    """The repository cannot be built in, or the user's checkout is in the way."""


class ConfigError(QdeckError):
    """A setting cannot be used; the text names the file and the key."""

    exit_code = ExitCode.USAGE


class ModelFault(StrEnum):
    """What went wrong between us and a model, as far as the next step depends on it."""

    RETRYABLE = "retryable"
    UNREACHABLE = "unreachable"
    KEY = "key"
    QUOTA = "quota"
    NOT_FOUND = "not_found"
    CONTEXT = "context"
    BAD_ANSWER = "bad_answer"
    BUDGET = "budget"
    NONE_CONFIGURED = "none_configured"


class ModelError(QdeckError):
    """A model call did not give a usable answer. `fault` tells whether trying again can help."""

    def __init__(self, fault: ModelFault, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.fault = fault


class SandboxError(QdeckError):
    """A command may not run here, because nothing contains it."""


class JournalError(QdeckError):
    """The database cannot be used: locked, read-only, corrupt, newer than this program, or full."""


class UnknownError(QdeckError):
    """There is no such workflow or project."""

    exit_code = ExitCode.UNKNOWN
