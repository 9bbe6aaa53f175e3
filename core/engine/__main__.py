"""The worker process: `python -m core.engine`. It paints nothing; journal and log file tell what it does.

It outlives the terminal that started it. SIGTERM and SIGINT end it within a second or two; what it was
working on stays open in the journal, and the next worker goes on from the last finished step.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.config import Settings, load_settings
from core.engine.place import Place, WorkerLock, log_to_file, shown
from core.errors import ExitCode, QdeckError

EXIT_TAKEN = 3
"""Another worker holds this database already. No error: the work is being done."""

_log = logging.getLogger("core.engine")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the worker or one of its questions, and return the exit code."""
    options = _parser().parse_args(argv)
    question = getattr(options, "question", None)
    if question is not None:
        return _answer(question, options)
    try:
        settings = _settings(options)
        place = Place.of(settings.database_url, settings.paths)
        lock = WorkerLock(place.lock_path)
    except QdeckError as error:
        _tell(2, error.what, error.hint)
        return error.exit_code
    except OSError as error:
        _tell(2, f"The worker's lock cannot be made: {error}.", "Correct the folder's permissions.")
        return ExitCode.FAILED
    if not lock.take():
        return EXIT_TAKEN
    try:
        return _work(options, settings, place)
    finally:
        lock.release()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.engine", description=__doc__)
    parser.add_argument("--db", default=None, help="path or URL of the journal")
    parser.add_argument("--once", default="", metavar="WORKFLOW", help="work for one workflow until it rests")
    parser.add_argument("--demo", action="store_true", help="allow the demo's own commands without a sandbox")
    parser.add_argument(
        "--linger", type=float, default=0.0, metavar="SECONDS", help="end after this time with nothing to do"
    )
    parser.set_defaults(question=None)
    questions = parser.add_subparsers(title="questions")
    for name, what in (
        ("check", "can a build run in this folder"),
        ("models", "which models, keys and local servers are there"),
        ("model", "can this model be tried"),
        ("doctor", "is everything there that a build needs"),
        ("try", "does this model answer a small call"),
        ("prompts", "which prompts are there, and whose copies count"),
        ("preview", "how does a state's prompt read"),
        ("lines", "how do the lines read that standard input names"),
    ):
        question = questions.add_parser(name, help=what)
        question.set_defaults(question=name)
        question.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "check":
            question.add_argument("path", help="a folder of the project")
        if name in ("model", "try"):
            question.add_argument("--name", default="", help="the model")
            question.add_argument("--api-base", default="", help="the address of its server")
        if name in ("prompts", "preview"):
            question.add_argument("--folder", type=Path, default=None, help="where the user's copies lie")
        if name == "preview":
            question.add_argument("--state", required=True, help="the state")
            question.add_argument("--facts", type=json.loads, default={}, help="a workflow's facts, as JSON")
        if name == "model":
            question.add_argument("--request", default="", help="what it shall build")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(flags={"database_url": options.db})


def _answer(question: str, options: argparse.Namespace) -> int:
    """Print the answer to a question as JSON, and say by the exit code whether all is well."""
    try:
        answer = _asked(question, options)
    except QdeckError as error:
        answer = {"ok": False, "error": error.what, "hint": error.hint}
    print(json.dumps(answer, ensure_ascii=False, indent=None if options.json else 2))
    return ExitCode.DONE if answer.get("ok") else ExitCode.FAILED


def _asked(question: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer to a question. Each imports what it needs, and no more."""
    if question in ("prompts", "preview"):
        from core.engine import wording

        if question == "prompts":
            return wording.prompts(options.folder)
        return wording.preview(options.state, options.facts, options.folder)
    if question == "try":
        from core.engine.trial import try_model

        return asyncio.run(try_model(options.name, options.api_base))
    if question == "lines":
        from core.engine.passages import lines_of

        about = json.load(sys.stdin)
        return lines_of(Path(about["project"]), about["tree"], about["file"], about["wanted"])
    from core.engine import questions

    match question:
        case "check":
            return questions.check_project(Path(options.path))
        case "models":
            return asyncio.run(questions.models())
        case "model":
            return questions.model(options.name, options.api_base, options.request)
    return questions.doctor()


def _work(options: argparse.Namespace, settings: Settings, place: Place) -> int:
    # Whoever started us may want to know why there is no worker; nothing else is ever said there.
    caller = os.dup(2)
    os.set_inheritable(caller, False)
    try:
        handler = log_to_file(place.log_path)
        asyncio.run(_run(options, settings, place, handler))
    except QdeckError as error:
        _log.error("%s", error)
        _tell(caller, error.what, error.hint)
        return error.exit_code
    except Exception as error:
        _log.exception("the worker broke off")
        _tell(caller, f"The worker broke off ({type(error).__name__}).", f"Look into {place.log_path}.")
        return ExitCode.FAILED
    return ExitCode.DONE


def _tell(descriptor: int, what: str, hint: str) -> None:
    """Write why no worker runs, as one line of JSON, if anybody still listens."""
    line = json.dumps({"ok": False, "what": what, "hint": hint}, ensure_ascii=False)
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{line}\n".encode())


async def _run(options: argparse.Namespace, settings: Settings, place: Place, log: logging.Handler) -> None:
    """Open everything, work, and close everything in the other order."""
    from core.engine.attempt import Attempt
    from core.engine.dbos_port import DbosScheduler
    from core.engine.janitor import clear_left_scratch, sweep
    from core.engine.scene import Shop
    from core.engine.watch import Watch
    from core.engine.worker import Worker
    from core.journal.engine import EngineJournal
    from core.llm import open_gateway
    from core.service import OrchestrationService

    service = await OrchestrationService.open(place.url)
    journal = EngineJournal(place.url)
    scheduler = DbosScheduler(place.engine_url, executor=place.executor, log=log)
    gateway = open_gateway()
    shop = Shop(
        journal=journal,
        service=service,
        scheduler=scheduler,
        gateway=gateway,
        settings=settings,
        executor=place.executor,
        demo=options.demo,
    )
    worker = Worker(
        journal=journal,
        service=service,
        scheduler=scheduler,
        executor=place.executor,
        make_job=lambda workflow, lease: Attempt(shop, workflow, lease),
        parallel=settings.max_parallel,
        only=options.once,
        sweep=lambda: sweep(journal, settings.paths),
        watch=Watch(shop).look,
        linger=options.linger,
        gone=lambda: place.file is not None and not place.file.exists(),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.end)
    try:
        await asyncio.to_thread(clear_left_scratch, journal, settings.paths)
        await scheduler.launch()
        _log.info("worker %s works on %s", place.executor, shown(place.url))
        await worker.run()
    finally:
        await scheduler.close()
        await gateway.aclose()
        await service.close()
        journal.close()
        _log.info("worker ended")


def _entry() -> Any:
    # A face that was closed takes its terminal with it; the worker stays.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # Threads of libraries that wait for something must not hold up the end.
    os._exit(code)


if __name__ == "__main__":
    _entry()
