"""Search the worktree by regular expression, in the sandbox.

The pattern comes from a model and may take for ever to match; in a process of its own it can be ended.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field

from core.roles.context import RoleContext
from core.roles.tools.base import Arguments, Result, Tool, failed
from core.roles.tools.bounds import marked, middle_cut
from core.roles.tools.files import LEFT_OUT
from core.sandbox import Contained, Limits, interpreter_paths, run
from core.text import clean

HITS = 50
SECONDS = 20.0
_LIMITS = Limits(wall_seconds=SECONDS, cpu_seconds=int(SECONDS), output_bytes=4 << 20, kept_bytes=1 << 20)

# Reads its question from the arguments and prints a JSON answer; uses the standard library only.
_PROGRAM = """
import fnmatch, json, os, re, sys
ask = json.loads(sys.argv[1])
expression = re.compile(ask["pattern"])
hits, more = [], False
for folder, folders, names in os.walk("."):
    folders[:] = sorted(f for f in folders if f != ".git" and f not in ask["left_out"])
    for name in sorted(names):
        path = os.path.join(folder, name)[2:]
        if not (fnmatch.fnmatch(path, ask["glob"]) or fnmatch.fnmatch(name, ask["glob"])):
            continue
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > ask["max_file"]:
            continue
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            continue
        if b"\\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").split("\\n"), 1):
            if expression.search(line):
                if len(hits) == ask["hits"]:
                    more = True
                    break
                hits.append([path, number, line[:300]])
        if more:
            break
    if more:
        break
sys.stdout.write(json.dumps({"hits": hits, "more": more}))
"""


class SearchArguments(Arguments):
    """What to look for, in which files."""

    pattern: Annotated[str, Field(min_length=1, max_length=1000, description="a Python regular expression")]
    glob: Annotated[str, Field(min_length=1, max_length=200, description="file names, such as *.py")] = "*"


async def _search(context: RoleContext, arguments: SearchArguments, key: str) -> Result:
    try:
        re.compile(arguments.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return failed(
            f"The pattern is not a regular expression: {clean(str(error), lines=False, limit=200)}."
        )
    seen = await run(_contained(context, arguments), context.bench.sandbox)
    if seen.limit or seen.exit_code != 0:
        return failed("The search took too long and was ended; use a simpler pattern or a narrower glob.")
    answer = json.loads(seen.output)
    if not answer["hits"]:
        return Result("Nothing was found.")
    lines = [f"{marked(path)}:{number}: {marked(line.strip())}" for path, number, line in answer["hits"]]
    if answer["more"]:
        lines.append(f"(only the first {HITS}; narrow it down)")
    return Result(middle_cut("\n".join(lines)))


def _contained(context: RoleContext, arguments: SearchArguments) -> Contained:
    ask = {
        "pattern": arguments.pattern,
        "glob": arguments.glob,
        "left_out": sorted(LEFT_OUT),
        "hits": HITS,
        "max_file": 2 << 20,
    }
    return Contained(
        argv=(sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(ask)),
        cwd=context.root,
        writable=(),
        readable=(context.root, *interpreter_paths(Path(sys.executable))),
        limits=_LIMITS,
    )


SEARCH = Tool(
    "search",
    f"Find lines by a regular expression in the project's files; the first {HITS}.",
    SearchArguments,
    _search,
    lambda a: f"searches for {a.pattern}",
)
