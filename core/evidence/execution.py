"""Run one command on a clean export of a tree, contained, once, and keep its receipt.

Everything that a gate believes comes through here: the tree is exported into a folder of its own, the command
sees that folder and a folder for its reports, and the tracked files are compared before and after.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from core.evidence.bench import Bench
from core.evidence.commands import source_roots
from core.evidence.programs import find_program, search_path
from core.evidence.receipts import Counts, JsonValue, Receipt, digest_of
from core.sandbox import Contained, Limits, Run, SandboxKind, run
from core.workspace import Repository, export_tree, overlay, worktree, write_inside

Manifest = dict[str, tuple[int, str]]

_Ran = TypeVar("_Ran")
_before: ContextVar[asyncio.Task[Any] | None] = ContextVar("before", default=None)
"""Whose receipts come before ours on record: of runs at the same time, those that were asked for first."""


@dataclass(frozen=True, slots=True)
class Job:
    """One command to run on one tree.

    `argv` and `env` are made from the two folders once they exist: the tree's and the reports'. `laid_over`
    names a second commit and the paths that are taken from it, `patched` files whose text is another one in
    this run. `collect` reads the reports into JSON data before the folders are removed; its `counts` go on
    the receipt. A job with a `cache_key` is not run again in later attempts and builds. A job that does not
    `write` sees its tree read-only. `secrets` and `hosts` are what a person granted to it; the values of
    secrets are in no result.
    """

    key: str
    kind: str
    title: str
    tree: str
    argv: Callable[[Folders], tuple[str, ...]]
    collect: Callable[[Folders, Receipt], JsonValue] = lambda folders, receipt: None
    laid_over: tuple[str, tuple[str, ...]] | None = None
    patched: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    readable: tuple[Path, ...] = ()
    env: Callable[[Folders], Mapping[str, str]] = lambda folders: {}
    writes: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = ()
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a job runs: `tree` holds the export, `reports` is empty at first."""

    tree: Path
    reports: Path


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ran: its receipt, the receipt's id, and what was collected."""

    receipt: Receipt
    receipt_id: str
    collected: Any


async def execute(bench: Bench, job: Job) -> Done:
    """Run `job` once under its key and keep its receipt; after a crash the kept result is returned."""

    async def work() -> JsonValue:
        place = _cache_place(bench, job)
        known = await asyncio.to_thread(_read_cache, place) if place else None
        if known is not None:
            return known
        await bench.record.activity(job.title)
        result = await _work(bench, job)
        if place and not result["receipt"]["limit"]:
            await asyncio.to_thread(_write_cache, place, result)
        return result

    kept = await bench.steps.once(job.key, work)
    receipt = Receipt.from_data(kept["receipt"])
    if (before := _before.get()) is not None:
        await asyncio.wait([before])
    # Outside of the step on purpose: a crash between the two leaves the result, and this line heals the rest.
    receipt_id = await bench.record.receipt(receipt)
    return Done(receipt, receipt_id, kept["collected"])


async def together(bench: Bench, *runs: Callable[[], Awaitable[_Ran]]) -> list[_Ran]:
    """Do runs that do not wait for each other at the same time, as many as there are CPU cores.

    One after the other where nothing contains them: there they could meet at a port or in a folder. The first
    fault ends the others.
    """
    contained = bench.sandbox.kind is SandboxKind.BUBBLEWRAP
    free = asyncio.Semaphore((os.cpu_count() or 1) if contained else 1)

    async def one(work: Callable[[], Awaitable[_Ran]], before: asyncio.Task[_Ran] | None) -> _Ran:
        _before.set(before)
        async with free:
            return await work()

    tasks: list[asyncio.Task[_Ran]] = []
    for work in runs:
        tasks.append(asyncio.create_task(one(work, tasks[-1] if tasks else None)))
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _cache_place(bench: Bench, job: Job) -> Path | None:
    if bench.cache is None or not job.cache_key:
        return None
    facts = [job.cache_key, job.tree, job.key, bench.toolchain.digest, bench.sandbox.kind]
    return bench.cache / "runs" / f"{digest_of(facts)}.json"


def _read_cache(place: Path) -> JsonValue:
    try:
        return json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write_cache(place: Path, result: JsonValue) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}.part")
    part.write_text(json.dumps(result), "utf-8")
    part.replace(place)


async def _work(bench: Bench, job: Job) -> JsonValue:
    with _folders(bench.scratch) as folders:
        before = await asyncio.to_thread(_lay_out, bench.repository, job, folders)
        argv = job.argv(folders)
        at = datetime.now(UTC)
        seen = await run(_contained(bench, job, folders, argv), bench.sandbox)
        after = await asyncio.to_thread(manifest, folders.tree, before)
        digest = job.tree if after == before else _manifest_digest(after)
        receipt = receipt_of(
            seen,
            key=job.key,
            kind=job.kind,
            title=job.title,
            asked_by=bench.asked_by,
            at=at,
            trees=(job.tree, digest),
        )
        collected = await asyncio.to_thread(job.collect, folders, receipt)
        if isinstance(collected, dict) and collected.get("counts"):
            receipt = receipt.with_counts(Counts.from_data(collected["counts"]))
        return {"receipt": receipt.to_data(), "collected": collected}


def receipt_of(
    seen: Run, *, key: str, kind: str, title: str, asked_by: str, at: datetime, trees: tuple[str, str]
) -> Receipt:
    """Return the receipt of a run."""
    return Receipt(
        key=key,
        kind=kind,
        argv=tuple(seen.argv),
        exit_code=seen.exit_code,
        signal=seen.signal,
        seconds=seen.seconds,
        cpu_seconds=seen.cpu_seconds,
        peak_memory_bytes=seen.peak_memory_bytes,
        sandbox=seen.sandbox,
        output_digest=seen.output_digest,
        output=seen.output,
        cut=seen.cut,
        tree_before=trees[0],
        tree_after=trees[1],
        counts=None,
        asked_by=asked_by,
        at=at,
        limit=seen.limit,
        title=title,
    )


@contextmanager
def _folders(scratch: Path) -> Iterator[Folders]:
    """Make the two folders under a name that nobody can foresee, and remove them at the end."""
    home = scratch / f"run-{uuid.uuid4().hex[:12]}"
    folders = Folders(home / "tree", home / "reports")
    folders.reports.mkdir(parents=True)
    try:
        yield folders
    finally:
        remove_folder(home)


def remove_folder(folder: Path) -> None:
    """Remove a folder that an untrusted process wrote in, whatever permissions and links it left behind."""
    worktree.remove_folder(folder)


def _lay_out(repository: Repository, job: Job, folders: Folders) -> Manifest:
    export_tree(repository, job.tree, folders.tree)
    if job.laid_over is not None:
        treeish, paths = job.laid_over
        overlay(repository, treeish, folders.tree, paths)
    for path, text in job.patched.items():
        write_inside(folders.tree, path, text.encode("utf-8", "surrogateescape"))
    return manifest(folders.tree)


def _contained(bench: Bench, job: Job, folders: Folders, argv: tuple[str, ...]) -> Contained:
    tools = bench.toolchain
    roots = [str(root) for root in source_roots(folders.tree)]
    program = find_program(argv[0])
    env = {**program.env, **tools.env, **job.env(folders)}
    if program.places:
        env["PATH"] = os.pathsep.join([env.get("PATH") or search_path(), *map(str, program.places)])
    env["PYTHONPATH"] = os.pathsep.join([*roots, *filter(None, [env.get("PYTHONPATH", "")])])
    return Contained(
        argv=argv,
        cwd=folders.tree,
        writable=(folders.tree, folders.reports) if job.writes else (folders.reports,),
        readable=(
            *tools.readable,
            *program.readable,
            *job.readable,
            *(() if job.writes else (folders.tree,)),
        ),
        env=env,
        limits=job.limits,
        secrets=job.secrets,
        hosts=job.hosts,
    )


def manifest(tree: Path, only: Manifest | None = None) -> Manifest:
    """Return mode and sha256 of every file below `tree`, or of those that `only` names.

    Links are not followed: a link counts by its target's name. What cannot be read counts as changed.
    """
    found: Manifest = {}
    for folder, folders, names in os.walk(tree):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            path = Path(folder) / name
            relative = path.relative_to(tree).as_posix()
            if only is None or relative in only:
                found[relative] = _fingerprint(path)
    return found


def _fingerprint(path: Path) -> tuple[int, str]:
    try:
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            return 0o120000, str(path.readlink())
        if not stat.S_ISREG(info.st_mode):
            return info.st_mode, "not a file"
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return info.st_mode & 0o111, digest
    except OSError:
        return -1, "unreadable"


def _manifest_digest(seen: Manifest) -> str:
    whole = hashlib.sha256()
    for path, (mode, digest) in sorted(seen.items()):
        whole.update(f"{mode:o} {digest} {path}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
