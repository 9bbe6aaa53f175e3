"""`python -m core.llm --model NAME`: says in JSON whether a model can be tried, and the ways to one.

For faces, which must not import this package: they start it as a child process.
"""

from __future__ import annotations

import argparse
import json
import sys

from core.errors import ModelError
from core.llm.ways import check_model, find_ways


def main(arguments: list[str] | None = None) -> int:
    """Print what is known about a model. The exit code is 0 when it can be tried, else 1."""
    parser = argparse.ArgumentParser(prog="python -m core.llm", description=main.__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--api-base", default=None)
    options = parser.parse_args(arguments)
    answer: dict[str, object] = {"ok": True, "model": options.model, "ways": find_ways().to_data()}
    try:
        check_model(options.model, options.api_base)
    except ModelError as error:
        answer |= {"ok": False, "fault": error.fault.value, "what": error.what, "hint": error.hint}
    print(json.dumps(answer, ensure_ascii=False))
    return 0 if answer["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
