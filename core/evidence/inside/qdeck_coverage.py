"""Runs the tests under coverage.py, and turns what it saw into a report when they have ended.

The first argument is the reports' folder, the others are what `coverage run` is given. In one process, since
the start of a second one takes longer than the report. Runs inside the sandbox, on whatever Python the
project has.
"""

import os
import sys

from coverage.cmdline import main


def measure():
    """Return the exit code of the tests, whatever becomes of the report."""
    folder, top = sys.argv[1], os.getcwd()
    common = ["--rcfile=/dev/null", f"--data-file={os.path.join(folder, 'coverage.data')}"]
    code = main(["run", "--source=.", *common, *sys.argv[2:]])
    try:
        # Tests may have left the process elsewhere, and names in the report are told from here.
        os.chdir(top)
        out = ["-o", os.path.join(folder, "coverage.json")]
        main(["json", "--ignore-errors", "--quiet", *common, *out])
    except Exception as error:
        # Without a report nothing is measured; the gate says so.
        print(f"coverage: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(measure())
