"""Runs unittest as `python -m unittest` does, and writes a sealed JUnit report of it.

The first argument is the report's path, the others are unittest's. Runs inside the sandbox, on whatever
Python the project has.
"""

import os
import sys
import unittest
from xml.sax.saxutils import quoteattr

from qdeck_seal import seal, take_secret


class Result(unittest.TextTestResult):
    """Notes how each test ended, and tells by a variable while one runs, as pytest does."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.lines = []

    def startTest(self, test):
        os.environ["PYTEST_CURRENT_TEST"] = f"{test.id()} (call)"
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        os.environ.pop("PYTEST_CURRENT_TEST", None)

    def note(self, test, tag="", text=""):
        """Keep one line of the report."""
        group, _, name = test.id().rpartition(".")
        module = sys.modules.get(type(test).__module__)
        file = os.path.relpath(getattr(module, "__file__", None) or ".")
        inner = f"<{tag} message={quoteattr(_plain(text))}/>" if tag else ""
        facts = {"classname": group, "name": name, "file": file}
        names = " ".join(f"{key}={quoteattr(_plain(value))}" for key, value in facts.items())
        self.lines.append(f"<testcase {names}>{inner}</testcase>")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failure", repr(err[1]))

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error", repr(err[1]))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "skipped", "expected to fail")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failure", "was expected to fail and passed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failure" if issubclass(err[0], test.failureException) else "error", repr(err[1]))


def _plain(text):
    """Return text that XML can hold."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:2000]


def main():
    """Run the tests; the exit code is unittest's own."""
    report = sys.argv.pop(1)
    secret = take_secret(os.path.dirname(report))
    sys.path[0] = os.getcwd()
    results = []

    class Runner(unittest.TextTestRunner):
        resultclass = Result

        def run(self, test):
            results.append(super().run(test))
            return results[-1]

    program = unittest.main(
        module=None, testRunner=Runner, exit=False, argv=["python -m unittest", *sys.argv[1:]]
    )
    with open(report, "w", encoding="utf-8") as file:
        file.write("<testsuite>" + "".join(line for one in results for line in one.lines) + "</testsuite>")
    if secret:
        seal(secret, report)
    ran = program.result.testsRun or program.result.skipped
    sys.exit(0 if program.result.wasSuccessful() and ran else 5 if not ran else 1)


if __name__ == "__main__":
    main()
