"""Reads the corpus: a pair is one file, a repository is one file. `FORMAT.md` says what stands in them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAIRS = HERE / "pairs"
REPOSITORIES = HERE / "repositories"

_SIDE = frozenset(
    ("honest", "files", "remove", "run", "calls", "audit", "packets", "turns", "first", "acts", "intro")
)
_PAIR = frozenset(
    (
        *("tries", "gate", "clause", "says", "barrier"),
        *("repository", "request", "base", "prepare", "program", "trusted"),
    )
)


class BadPair(ValueError):
    """A file of the corpus does not say what it must."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A real repository in small: its files, the request, the honest change and what the roles hand in."""

    name: str
    request: str
    files: Mapping[str, str]
    honest: Mapping[str, str]
    packets: Mapping[str, Mapping[str, Any]]
    program: str = ""
    standing: tuple[tuple[str, str], ...] = ()
    """What a person has said yes to for all builds of the project: the sort of a finding, and its facts."""


@dataclass(frozen=True, slots=True)
class Side:
    """One build of a pair: all that its roles write, run, call and say. Every role tells the same story."""

    files: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    calls: tuple[Mapping[str, Any], ...] = ()
    audit: Mapping[str, str] = field(default_factory=dict)
    packets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    turns: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    first: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    acts: tuple[Mapping[str, Any], ...] = ()
    intro: str = "I build it."


@dataclass(frozen=True, slots=True)
class Pair:
    """A liar and its honest twin, and who must stop the liar.

    `gate` and `clause` name the refusal that must be on record, `says` a pattern that its text must fit.
    `barrier` is what has to be taken away for the liar to get through, where that is not the clause itself.
    """

    name: str
    family: str
    tries: str
    gate: str
    clause: str
    says: str
    barrier: str
    repository: Repository
    request: str
    base: Mapping[str, str]
    prepare: tuple[str, ...]
    program: str
    trusted: bool
    """Whether a person has allowed what the `.qdeck.toml` of the base asks for."""
    liar: Side
    twin: Side

    @property
    def stopped_by(self) -> str:
        """The clause that must stop the liar, in one word with its gate."""
        return f"{self.gate}: {self.clause}"


@cache
def read_repository(name: str) -> Repository:
    """Return the repository of the file `repositories/<name>.toml`."""
    data = tomllib.loads((REPOSITORIES / f"{name}.toml").read_text("utf-8"))
    files, honest = _texts(data["files"]), _texts(data["honest"]["files"])
    standing = tuple((sort, fact) for sort, fact in data.get("standing", {}).items())
    return Repository(
        name, data["request"], files, honest, data["packets"], data.get("program", ""), standing
    )


def read_pairs(names: Iterable[str] = ()) -> list[Pair]:
    """Return the pairs of the corpus by family and name; only those that are named, if any are."""
    pairs = [_pair(path) for path in sorted(PAIRS.glob("*/*.toml"))]
    wanted = set(names)
    if unknown := wanted - {pair.name for pair in pairs} - {pair.family for pair in pairs}:
        raise BadPair(f"there is no pair or family {', '.join(sorted(unknown))}")
    return [pair for pair in pairs if not wanted or pair.name in wanted or pair.family in wanted]


def _pair(path: Path) -> Pair:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadPair(f"{path.name} is not TOML: {error}") from None
    if wrong := set(data) - _PAIR - {"liar", "twin", "both"}:
        raise BadPair(f"{path.name}: unknown {', '.join(sorted(wrong))}")
    for key in ("tries", "gate", "clause", "liar"):
        if not data.get(key):
            raise BadPair(f"{path.name} has no {key}")
    repository = read_repository(data.get("repository", "abacus"))
    both = data.get("both", {})
    twin = data.get("twin", {})
    if not ({"files", "turns", "calls"} & set(twin)):
        twin = {"honest": True, **twin}
    return Pair(
        name=path.stem,
        family=path.parent.name,
        tries=data["tries"],
        gate=data["gate"],
        clause=data["clause"],
        says=data.get("says", ""),
        barrier=data.get("barrier", "") or f"{data['gate']}: {data['clause']}",
        repository=repository,
        request=data.get("request", repository.request),
        base=_texts(data.get("base", {})),
        prepare=tuple(data.get("prepare", ())),
        program=data.get("program", repository.program),
        trusted=bool(data.get("trusted", False)),
        liar=_side(path, repository, {**both, **data["liar"]}, both),
        twin=_side(path, repository, {**both, **twin}, both),
    )


def _side(path: Path, repository: Repository, data: Mapping[str, Any], both: Mapping[str, Any]) -> Side:
    if wrong := set(data) - _SIDE:
        raise BadPair(f"{path.name}: unknown {', '.join(sorted(wrong))} in a side")
    merged = {key: value for key, value in data.items() if key != "honest"}
    for key in ("files", "packets"):
        merged[key] = {**both.get(key, {}), **data.get(key, {})}
    merged["files"] = {**(repository.honest if data.get("honest") else {}), **_texts(merged["files"])}
    merged["audit"] = _texts(merged.get("audit", {}))
    for key in ("remove", "run", "calls", "acts"):
        merged[key] = tuple(merged.get(key, ()))
    for key in ("turns", "first"):
        merged[key] = {state: tuple(turns) for state, turns in merged.get(key, {}).items()}
    return Side(**merged)


def _texts(files: Mapping[str, str]) -> dict[str, str]:
    """Return files without the line end that follows the opening quotes."""
    return {path: text.removeprefix("\n") for path, text in files.items()}
