"""The options that commands share, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BUILD = "WORKFLOW"
"""What stands for a build on the command line."""
Workflow = Annotated[str, typer.Argument(metavar=BUILD, help="A build id (B-0042) or a workflow id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, also for faults.")]
Db = Annotated[str, typer.Option("--db", metavar="PATH|URL", help="Where the journal is.")]
Reason = Annotated[str, typer.Option("--reason", "-r", metavar="TEXT", help="Why; the next attempt is told.")]
Version = Annotated[
    int | None,
    typer.Option(
        "--expected-version",
        min=0,
        metavar="N",
        help="Refuse (exit 5) when the workflow has moved on since this version.",
    ),
]
Worker = Annotated[
    bool, typer.Option("--worker/--no-worker", help="Start a worker when none is alive, so that it is done.")
]
Request = Annotated[
    str, typer.Argument(metavar="REQUEST", help="What to build; - reads it from standard input.")
]
Project = Annotated[
    Path, typer.Option("--project", "-p", metavar="PATH", help="The git repository to build in.")
]
Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="NAME", help="The model of every role, e.g. openai/gpt-5-mini."),
]
ApiBase = Annotated[
    str, typer.Option("--api-base", metavar="URL", help="The address of a server that speaks the protocol.")
]
Autonomy = Annotated[
    str, typer.Option("--autonomy", metavar="manual|gated|auto", help="How much moves without a person.")
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", min=0, metavar="USD", help="The most it may spend on models, in US dollars."),
]
Retries = Annotated[
    int | None, typer.Option("--retries", min=0, metavar="N", help="Automatic steps back before it asks.")
]
Deadline = Annotated[
    str, typer.Option("--deadline", metavar="SPAN", help="How long it may take, such as 4h or 1h30m.")
]
PhaseDeadlines = Annotated[
    list[str] | None,
    typer.Option(
        "--phase-deadline",
        metavar="PHASE=SPAN",
        help="How long a phase may take; for more phases, repeat it.",
    ),
]
Unsandboxed = Annotated[
    bool,
    typer.Option("--unsandboxed", help="Where no sandbox works, run commands without one. At your own risk."),
]
