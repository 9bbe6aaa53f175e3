"""JUnit reports of runners that are none of Python's: how one is asked for a report, where it can write any.

What it writes is a plain file of the process under test, without a seal: it counts tests, and the exit code
decides. A runner that cannot be asked is read by its closing lines, or by its exit code alone.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from core.evidence.programs import search_path

_NODE_TEST = re.compile(r"\bnode\b[^&|;]*\s--test\b")
_VITEST = re.compile(r"(?:\w+=\S+ +)*(?:npx +)?vitest\b[^&|;<>]*")
"""Alone, since words are put after it."""
_JEST = re.compile(r"(?:\w+=\S+ +)*(?:npx +)?jest\b[^&|;<>]*")
_NODE_SINCE = (20, 9)
"""The first long-kept line of node whose test runner has a JUnit reporter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What makes a runner write a report: variables, and words after its command. None of both: it cannot."""

    env: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def asked_of_runner(command: tuple[str, ...], script: str, report: Path, package: str = "") -> Asked:
    """Return what makes `command` write a JUnit report to `report`, beside what it prints.

    `script` is what `npm test` runs, `package` the text of its package.json. Who chooses reporters themselves
    is left alone. `go test`, cargo and make write none by themselves.
    """
    if command[0] == "gotestsum":
        # It heeds this variable where no word of its own says otherwise.
        return Asked({"GOTESTSUM_JUNITFILE": str(report)})
    npm = command[:2] == ("npm", "test")
    said = script if npm else shlex.join(command)
    if "reporter" in said:
        return Asked()
    if _NODE_TEST.search(said) and node_version() >= _NODE_SINCE:
        place = str(report).replace("\\", "\\\\").replace('"', '\\"')
        options = (
            *("--test-reporter=spec", "--test-reporter-destination=stdout"),
            *("--test-reporter=junit", f'--test-reporter-destination="{place}"'),
        )
        return Asked({"NODE_OPTIONS": " ".join(options)})
    if _VITEST.fullmatch(said.strip()):
        words = ("--reporter=default", "--reporter=junit", f"--outputFile.junit={report}")
        return Asked(words=("--", *words) if npm else words)
    if _JEST.fullmatch(said.strip()) and '"jest-junit"' in package:
        chosen = ("--reporters=default", "--reporters=jest-junit")
        return Asked({"JEST_JUNIT_OUTPUT_FILE": str(report)}, ("--", *chosen) if npm else chosen)
    return Asked()


@lru_cache(maxsize=1)
def node_version() -> tuple[int, int]:
    """Return the version of the machine's node; (0, 0) without one."""
    found = shutil.which("node", path=search_path()) or shutil.which("node")
    if found is None:
        return 0, 0
    try:
        done = subprocess.run([found, "--version"], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    version = re.match(rb"v(\d+)\.(\d+)", done.stdout)
    return (int(version[1]), int(version[2])) if version else (0, 0)
