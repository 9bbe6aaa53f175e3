"""The corpus of liars: `uv run python -m tests.liars [NAME…]`. Exit code 0 only if no liar got through.

A liar that did not complete counts as through all the same when it did harm, or when another than the clause
that its file names refused it: a script that ran out of words proves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.liars.pairs import BadPair, read_pairs
from tests.liars.run import Outcome, run_pairs
from tests.liars.table import last_line, rows, sound


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pairs that are asked for, print the table, and say whether the gates held."""
    options = _parser().parse_args(argv)
    try:
        pairs = read_pairs(options.names)
    except BadPair as error:
        print(error, file=sys.stderr)
        return 64
    pairs = [pair for pair in pairs if options.clause in ("", pair.clause, pair.stopped_by, pair.barrier)]

    def tell(outcome: Outcome) -> None:
        print(*rows(outcome, options.verbose), sep="\n", flush=True)

    outcomes = run_pairs(pairs, jobs=options.jobs, keep=options.keep, tell=tell)
    print(last_line(outcomes))
    return 0 if outcomes and sound(outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.liars", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a pair or a family of pairs")
    parser.add_argument("--clause", default="", help="only the pairs that name this clause")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="builds at the same time")
    parser.add_argument("--keep", action="store_true", help="keep the world, to look at it")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell every refusal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
