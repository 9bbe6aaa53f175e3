"""Reports of coverage that other languages' tools leave in the tree: LCOV and Cobertura."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from core.evidence.coverage import Measured
from core.evidence.junit import ReportError, read_bounded

_LIMIT = 32 << 20

LCOV = ("lcov.info", "coverage/lcov.info", "coverage.lcov", "target/lcov.info")
COBERTURA = ("coverage.xml", "cobertura.xml", "coverage/cobertura-coverage.xml", "target/cobertura.xml")


def find_report(tree: Path, tracked: Iterable[str]) -> Measured | None:
    """Return what a report in `tree` says; one that lies in the repository itself is nobody's measurement."""
    known = set(tracked)
    readers: tuple[tuple[tuple[str, ...], Callable[[bytes, Path], Measured | None]], ...] = (
        (LCOV, read_lcov),
        (COBERTURA, read_cobertura),
    )
    for places, reader in readers:
        for place in places:
            if place in known:
                continue
            try:
                measured = reader(read_bounded(tree / place, _LIMIT), tree)
            except ReportError:
                continue
            if measured is not None:
                return measured
    return None


def read_lcov(data: bytes, tree: Path) -> Measured | None:
    """Read a report in LCOV's format."""
    ran: dict[str, set[int]] = {}
    lost: dict[str, set[int]] = {}
    path = ""
    for line in data.decode("utf-8", "replace").splitlines():
        tag, _, rest = line.partition(":")
        if tag == "SF":
            path = _inside(rest.strip(), tree)
        elif tag == "DA" and path:
            number, _, hits = rest.partition(",")
            count = hits.split(",")[0]
            if number.isdigit() and count.lstrip("-").isdigit():
                (ran if int(count) > 0 else lost).setdefault(path, set()).add(int(number))
    return _measured(ran, lost)


def read_cobertura(data: bytes, tree: Path) -> Measured | None:
    """Read a report in Cobertura's format."""
    try:
        root = ElementTree.fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    if root.tag != "coverage":
        return None
    sources = [PurePosixPath(source.text or "") for source in root.iter("source")] or [PurePosixPath()]
    ran: dict[str, set[int]] = {}
    lost: dict[str, set[int]] = {}
    for part in root.iter("class"):
        name = part.get("filename") or ""
        places = [_inside(str(source / name), tree) for source in sources] + [_inside(name, tree)]
        path = next((place for place in places if place and (tree / place).is_file()), "")
        for line in part.iter("line") if path else ():
            number, hits = line.get("number") or "", line.get("hits") or ""
            if number.isdigit() and hits.isdigit():
                (ran if int(hits) else lost).setdefault(path, set()).add(int(number))
    return _measured(ran, lost)


def _inside(name: str, tree: Path) -> str:
    """Return a reported path as one of the tree's; empty when it lies elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute():
        if not path.is_relative_to(tree):
            return ""
        path = path.relative_to(PurePosixPath(tree))
    return "" if ".." in path.parts else path.as_posix()


def _measured(ran: dict[str, set[int]], lost: dict[str, set[int]]) -> Measured | None:
    if not ran and not lost:
        return None
    return Measured(
        {path: frozenset(lines) for path, lines in ran.items()},
        {path: frozenset(lines - ran.get(path, set())) for path, lines in lost.items()},
    )
