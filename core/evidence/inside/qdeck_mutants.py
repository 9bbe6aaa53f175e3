"""Changes the code in one small way after the other and runs the tests each time, within a time box.

The one argument is a folder with `plan.json`; the answer is `result.json` beside it. Runs inside the sandbox,
on whatever Python the project has. pytest is imported once, each run is a fork of it. Whatever a run leaves
behind is ended before the next one begins, and all of it before the answer is written: what outlived its run
could change the code of others, or write an answer of its own.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time


def main():
    """Try as many of the plan's mutants as the time allows."""
    folder = sys.argv[1]
    with open(os.path.join(folder, "plan.json"), encoding="utf-8") as file:
        plan = json.load(file)
    sys.path[0] = os.getcwd()
    adopt()
    import pytest

    started = time.monotonic()
    words = [*plan["options"], "-x", "-q", "-p", "no:cacheprovider", *plan["files"]]
    code = run(pytest, words, plan["seconds"])
    baseline = time.monotonic() - started
    results = []
    if code == 0:
        results = try_all(pytest, words, plan, started, max(5.0, 8 * baseline))
    # "x": nobody has written it before.
    with open(os.path.join(folder, "result.json"), "x", encoding="utf-8") as file:
        json.dump({"baseline": code, "results": results}, file)


def try_all(pytest, words, plan, started, patience):
    """Return (number of the mutant, how its run ended) for each that was tried."""
    results = []
    for number, mutant in enumerate(plan["mutants"]):
        if time.monotonic() - started > plan["seconds"]:
            break
        with open(mutant["path"], encoding="utf-8", newline="") as file:
            whole = file.read()
        try:
            write(mutant["path"], mutant["text"])
            results.append([number, run(pytest, words, patience)])
        finally:
            write(mutant["path"], whole)
    return results


def write(path, text):
    """Write a text as it is."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def run(pytest, words, patience):
    """Run the tests in a fork, and end all that is left of it; -1 when they did not end in time."""
    child = os.fork()
    if child == 0:
        os.setsid()
        guard(1)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(int(pytest.main(words)))
    code = -1
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 99
            break
        time.sleep(0.005)
    end_all(child)
    return code


def adopt():
    """Become the parent of all orphans below, so that none gets away, and let none of them reach in here."""
    prctl(36)
    guard(0)


def guard(readable):
    """Say whether other processes may read and write this one's memory."""
    prctl(4, readable)


def prctl(option, value=1):
    """Set an option of this process, where the system knows such options."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_all(group):
    """Kill every process below this one, until there is none; where nobody tells them, those of a group."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    while True:
        for number in below():
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
        try:
            # Any of them: an orphan becomes our child when its parent ends.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def below():
    """Return the numbers of all processes that this one has begun, or that those have."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found, new = set(), {os.getpid()}
    while new:
        new = {number for number, parent in parents.items() if parent in new} - found
        found |= new
    return found


if __name__ == "__main__":
    main()
