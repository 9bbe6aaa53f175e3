"""Kinds of change: what each may touch, and what is checked of one that changes no code.

What does not apply to a kind is shown with its reason by the clauses themselves.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from core.evidence.clauses import Failure, key_of, text_at
from core.evidence.commands import is_test_path
from core.evidence.definitions import same_code
from core.evidence.documents import broken_examples, broken_links
from core.evidence.hearing import Hearing
from core.evidence.shipped import Product
from core.evidence.suites import Suite
from core.evidence.suppressions import CODE
from core.workspace import list_tree

DOCUMENTATION, MAINTENANCE, REFACTORING = "documentation", "maintenance", "refactoring"

_DOCUMENTS = re.compile(
    r"(?:^|/)(?:docs?|documentation|examples?)/|\.(?:md|markdown|rst|adoc)$"
    r"|(?<!CMakeLists)(?<!requirements)(?<!constraints)\.txt$"
    r"|(?:^|/)(?:README|CHANGELOG|CONTRIBUTING|AUTHORS|LICEN[CS]E|NOTICE|SECURITY|CODE_OF_CONDUCT)[^/]*$",
    re.I,
)
_UPKEEP = re.compile(
    r"(?:^|/)\.[^/]+$|^\.(?:github|gitlab|ci|circleci|vscode)/|(?:^|/)(?:Makefile|Dockerfile|Justfile)[^/]*$"
    r"|\.(?:toml|cfg|ini|ya?ml|json|lock|properties|in)$|(?:^|/)(?:go\.sum|requirements[^/]*\.txt)$"
    r"|^(?:scripts?|tools?|ci|build)/",
    re.I,
)
_EXAMPLES = re.compile(r"^(?:docs?|documentation|examples?)/", re.I)
_SCRIPTS = re.compile(r"^\.(?:github|gitlab|ci|circleci|vscode)/|^(?:scripts?|tools?|ci|build)/", re.I)


def check_paths(hearing: Hearing) -> None:
    """A change that calls itself documentation or maintenance touches nothing else."""
    name = "kind of change"
    if hearing.change not in (DOCUMENTATION, MAINTENANCE):
        return hearing.skip(name, f"a {hearing.change} change may touch any file")
    told = []
    product = _product(hearing)
    for change in hearing.changes:
        path = change.path
        if path.endswith(".py") and change.status == "modified" and same_code(*hearing.texts(change)):
            continue
        if (why := foreign(path, hearing.change, product)) is not None:
            text = f"is no part of a {hearing.change} change{why}"
            text += "; plan it as a feature, a fix or a refactoring"
            told.append(Failure(path, text, key_of("kind", path)))
    hearing.settle(name, told, f"only files of a {hearing.change} change differ")
    return None


def _product(hearing: Hearing) -> Product:
    bench, commit = hearing.bench, hearing.checkpoint.commit
    return Product(
        list_tree(bench.repository, hearing.checkpoint.tree),
        lambda path: text_at(bench, commit, path),
        lambda path: is_test_path(path, bench.settings),
    )


def foreign(path: str, change: str, product: Product) -> str | None:
    """Say why a change of this kind may not touch a file, where that needs a reason; None when it may."""
    if not _belongs(path, change):
        return ""
    if path.endswith(CODE):
        user = product.used_by(path)
        return f", since {user} ships it or needs it" if user else None
    return ", since it lies where the product reads it" if product.reads(path) else None


def _belongs(path: str, change: str) -> bool:
    """Say whether a change of this kind may touch a file; code by its folder alone, whatever its name is."""
    if path.endswith(CODE):
        return bool(_EXAMPLES.search(path) or (change == MAINTENANCE and _SCRIPTS.search(path)))
    return bool(_DOCUMENTS.search(path) or (change == MAINTENANCE and _UPKEEP.search(path)))


def check_documents(hearing: Hearing) -> None:
    """Examples in changed documents can be read as what they are, and their links lead somewhere."""
    name = "examples and links"
    changed = [c for c in hearing.changes if c.status != "deleted" and _is_text(c.path)]
    if not changed:
        return hearing.skip(name, "no document was changed")
    paths = set(list_tree(hearing.bench.repository, hearing.checkpoint.tree))
    told = []
    for change in changed:
        before, after = hearing.texts(change)
        known = {text for _, text in (*broken_examples(before), *broken_links(change.path, before, paths))}
        for line, text in (*broken_examples(after), *broken_links(change.path, after, paths)):
            if text not in known:
                told.append(Failure(f"{change.path}:{line}", text, key_of("document", change.path, text)))
    if hearing.change not in (DOCUMENTATION, MAINTENANCE) and told:
        hearing.notes += [f"{failure.name}: {failure.text}" for failure in told]
        return hearing.skip(name, f"{len(told)} broken in documents, as advice for a {hearing.change} change")
    hearing.settle(name, told, f"{_documents(len(changed))}: examples can be read, links lead somewhere")
    return None


def _documents(count: int) -> str:
    return f"{count} document{'' if count == 1 else 's'}"


def _is_text(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in (".md", ".markdown")


def check_refactoring(hearing: Hearing, base: Suite | None, new: Suite) -> None:
    """A refactoring keeps the tests that there are; what is added is named."""
    name = "equal tests"
    if hearing.change != REFACTORING:
        return hearing.skip(name, f"a {hearing.change} change may add tests")
    if base is None or not hearing.named:
        return hearing.skip(name, "the tests cannot be told apart here" if base else "the base has no tests")
    before, after = {case.name for case in base.cases}, {case.name for case in new.cases}
    if added := sorted(after - before):
        hearing.notes.append(f"added by the refactoring: {', '.join(added[:20])}")
    told = [
        Failure(test, "is a test of the base and did not run", key_of("equal tests", test), askable=True)
        for test in sorted(before - after)
    ]
    hearing.settle(
        name, told, f"the same {len(before)} tests ran" + (f", and {len(added)} more" if added else "")
    )
    return None
