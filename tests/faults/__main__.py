"""Breaks qdeck on purpose, one fault at a time, and sees that the tests notice: `python -m tests.faults`.

A fault whose place is gone, or whose tests are not green without it, is an error and no success.

Each fault in the `*.toml` files beside this one names a file, a text in it that is found exactly once, what
stands there instead, and the tests that must fail then. Everything happens in scratch copies. `NAME …` as
arguments runs those faults only, `-n 1` one at a time. The last line is `faults killed: N of N`; the exit
code is 0 if all were.
"""

from __future__ import annotations

import argparse
import itertools
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 600
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One deliberate mistake, and who must find it."""

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    database: str = ""
    """"postgresql" where a server decides it; such a fault is tried last, where there is one."""


class Wrong(Exception):
    """The list of faults, or the tree, is not what it should be."""


def read_faults() -> list[Fault]:
    """Return all faults, in order. Raises Wrong for a name that comes twice."""
    faults = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for entry in tomllib.loads(path.read_text("utf-8"))["fault"]:
            faults.append(Fault(**{**entry, "tests": tuple(entry["tests"])}))
    names = [fault.name for fault in faults]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise Wrong(f"faults with the same name: {', '.join(sorted(doubled))}")
    return faults


def broken(fault: Fault, text: str) -> str:
    """Return `text` with the fault in it. Raises Wrong when its place is not there, or more than once."""
    if (times := text.count(fault.find)) != 1:
        raise Wrong(f"{fault.name}: its text stands {times} times in {fault.file}, not once")
    return text.replace(fault.find, fault.replace)


def copy_tree(target: Path) -> None:
    """Copy what git knows, and what is new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def run_tests(
    tree: Path, tests: tuple[str, ...], database: str = "", *, together: int = 0
) -> tuple[int, str]:
    """Run the tests in the copy, stop at the first failure, and return pytest's exit code and last words."""
    env = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "QDECK_TEST_POSTGRESQL": "required" if database == "postgresql" else "off",
    }
    seconds = SECONDS * (4 if together else 1)
    more = ["-n", str(together)] if together else []
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        *more,
        *tests,
    ]
    try:
        done = subprocess.run(
            command, cwd=tree, env=env, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end within {seconds} seconds"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-1:]
    return done.returncode, told[0] if told else "nothing was said"


def check_copy(tree: Path) -> None:
    """See that the copy is what runs. Raises Wrong."""
    env = {**os.environ, "PYTHONPATH": str(tree)}
    found = subprocess.run(
        [sys.executable, "-c", "import core; print(core.__file__)"],
        cwd=tree,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if not found.stdout.startswith(str(tree)):
        raise Wrong(f"the copy in {tree} is not what would be tested: {found.stdout or found.stderr}")


def check_tests(tree: Path, faults: list[Fault], at_once: int) -> None:
    """See that the tests are green without any fault: one that fails anyway would kill everything."""
    for database in sorted({fault.database for fault in faults}):
        tests = tuple(sorted({t for f in faults if f.database == database for t in f.tests}))
        code, told = run_tests(tree, tests, database, together=at_once)
        if code != _PASSED:
            raise Wrong(f"the tests are not green without any fault: {told}")


def try_fault(fault: Fault, trees: queue.Queue[Path]) -> tuple[bool, str]:
    """Put the fault into a copy, run its tests, take it out again; say whether it was killed, and by what."""
    tree = trees.get()
    path = tree / fault.file
    whole = path.read_text("utf-8")
    try:
        _write(path, broken(fault, whole))
        code, told = run_tests(tree, fault.tests, fault.database)
    finally:
        _write(path, whole)
        trees.put(tree)
    if code == _FAILED:
        return True, told
    return False, "SURVIVED" if code == _PASSED else f"NO ANSWER (pytest ended with {code}): {told}"


_moments = itertools.count(1_000_000_000)


def _write(path: Path, text: str) -> None:
    """Write a text that no bytecode is of: Python compares times by the second, and each here is another."""
    path.write_text(text, "utf-8")
    moment = next(_moments)
    os.utime(path, (moment, moment))


def main(names: list[str], at_once: int = 2) -> int:
    """Run the faults that are named, or all; return the exit code."""
    faults = [fault for fault in read_faults() if not names or fault.name in names]
    if unknown := set(names) - {fault.name for fault in faults}:
        raise Wrong(f"no such fault: {', '.join(sorted(unknown))}")
    for fault in faults:
        broken(fault, (ROOT / fault.file).read_text("utf-8"))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="qdeck-faults-") as folder:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(at_once):
            tree = Path(folder).resolve() / str(number)
            copy_tree(tree)
            check_copy(tree)
            trees.put(tree)
        check_tests(Path(folder).resolve() / "0", faults, at_once)
        with ThreadPoolExecutor(at_once) as pool:
            killed = 0
            for fault, (dead, told) in zip(
                faults, pool.map(lambda f: try_fault(f, trees), faults), strict=True
            ):
                killed += dead
                print(f"{'killed' if dead else 'ALIVE '}  {fault.name}: {told[:150]}", flush=True)
    print(f"{time.monotonic() - started:.0f} s")
    print(f"faults killed: {killed} of {len(faults)}")
    return 0 if killed == len(faults) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="the faults to try; all without one")
    parser.add_argument("-n", type=int, default=2, help="how many at once")
    options = parser.parse_args()
    try:
        sys.exit(main(options.names, options.n))
    except Wrong as wrong:
        print(f"The faults could not be tried: {wrong}.", file=sys.stderr)
        sys.exit(2)
