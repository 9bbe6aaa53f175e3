"""Changes the code in one small way after the other and runs the tests each time, within a time box.

The one argument is a folder with `plan.json`; the answer is `result.json` beside it. Runs inside the sandbox,
on whatever Python the project has. pytest is imported once, each run is a fork of it.
"""

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
    import pytest

    started = time.monotonic()
    words = [*plan["options"], "-x", "-q", "-p", "no:cacheprovider", *plan["files"]]
    code = run(pytest, words, plan["seconds"])
    baseline = time.monotonic() - started
    results = []
    if code == 0:
        results = try_all(pytest, words, plan, started, max(5.0, 8 * baseline))
    with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
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
    """Run the tests in a fork; -1 when they did not end in time."""
    child = os.fork()
    if child == 0:
        os.setsid()
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(int(pytest.main(words)))
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 99
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


if __name__ == "__main__":
    main()
