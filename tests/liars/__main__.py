"""The corpus of liars: `uv run python -m tests.liars [NAME…]`. Exit code 0 only if no liar got through.

A liar that did not complete counts as through all the same when it did harm, or when another than the clause
that its file names refused it: a script that ran out of words proves nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.liars.pairs import BadPair, Pair, read_pairs
from tests.liars.run import Outcome, run_pairs
from tests.liars.seams import known
from tests.liars.table import last_line, rows, sound, unnamed, write_readme


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pairs that are asked for, print the table, and say whether the gates held."""
    options = _parser().parse_args(argv)
    try:
        pairs = read_pairs(options.names)
    except BadPair as error:
        print(error, file=sys.stderr)
        return 64
    pairs = [pair for pair in pairs if options.clause in ("", pair.clause, pair.stopped_by, pair.barrier)]

    if options.without:
        return _without(pairs, [options.without], options.jobs)
    if options.clauses:
        return _without(pairs, sorted({pair.barrier for pair in pairs}), options.jobs)

    def tell(outcome: Outcome) -> None:
        print(*rows(outcome, options.verbose), sep="\n", flush=True)

    outcomes = run_pairs(pairs, jobs=options.jobs, keep=options.keep, tell=tell)
    if len(pairs) == len(read_pairs()):
        print(f"clauses that no liar names: {', '.join(unnamed(outcomes)) or 'none'}")
    print(last_line(outcomes))
    if options.readme and len(pairs) == len(read_pairs()):
        write_readme(pairs, last_line(outcomes))
    return 0 if outcomes and sound(outcomes) else 1


def _without(pairs: Sequence[Pair], clauses: Sequence[str], jobs: int) -> int:
    """Take each clause away and run the liars that name it: one at least must get through."""
    held = True
    for clause in clauses:
        named = [pair for pair in pairs if pair.barrier == clause]
        if not named:
            print(f"NO  {clause}: no liar names it")
            held = False
            continue
        if not known(clause):
            print(f"-   {clause:32} cannot be taken away without harm", flush=True)
            continue
        # Each in a world of its own where one may break the world for the others.
        apart = [[pair] for pair in named] if clause.startswith("sandbox: ") else [named]
        outcomes = [o for some in apart for o in run_pairs(some, jobs=jobs, twins=False, clause=clause)]
        through = [outcome.pair.name for outcome in outcomes if outcome.through]
        ran = sum(outcome.ran for outcome in outcomes)
        held = held and (bool(through) or not ran)
        sign = "ok " if through or not ran else "NO "
        print(
            f"{sign} without {clause:32} {len(through)} of {ran} get through: {', '.join(through)}",
            flush=True,
        )
    return 0 if held else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.liars", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a pair or a family of pairs")
    parser.add_argument("--clause", default="", help="only the pairs that name this clause")
    parser.add_argument(
        "--without", default="", metavar="CLAUSE", help="take one clause away: who gets through?"
    )
    parser.add_argument("--clauses", action="store_true", help="take every clause away, one after the other")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="builds at the same time")
    parser.add_argument("--readme", action="store_true", help="put the table of a whole run into the README")
    parser.add_argument("--keep", action="store_true", help="keep the world, to look at it")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell every refusal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
