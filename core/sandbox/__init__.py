"""Run one command contained, and say exactly what it did. Knows nothing of git, models or the journal."""

from core.sandbox.detection import detect
from core.sandbox.interpreter import interpreter_paths
from core.sandbox.running import run
from core.sandbox.types import Contained, Limits, Run, Sandbox, SandboxKind

__all__ = [
    "Contained",
    "Limits",
    "Run",
    "Sandbox",
    "SandboxKind",
    "detect",
    "interpreter_paths",
    "run",
]
