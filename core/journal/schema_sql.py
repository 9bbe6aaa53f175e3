"""The schema as SQL: `python -P -m core.journal.schema_sql sqlite|postgresql`.

A process of its own, because Alembic has no place in the app's. Answers with one JSON object on stdout:
`{"ok": true, "sql": …}`.
"""

from __future__ import annotations

import io
import json
import sys

from core.journal.migrate import alembic_config

DIALECTS = ("sqlite", "postgresql")


def schema_sql(dialect: str) -> str:
    """Return the SQL of every migration in order, for one of DIALECTS."""
    from alembic import command

    config = alembic_config()
    config.attributes["dialect"] = dialect
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return str(config.output_buffer.getvalue())


def main(arguments: list[str]) -> int:
    """Run as a program; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in DIALECTS:
        what = "Usage: python -m core.journal.schema_sql sqlite|postgresql"
        print(json.dumps({"ok": False, "what": what}))
        return 64
    print(json.dumps({"ok": True, "sql": schema_sql(arguments[0])}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
