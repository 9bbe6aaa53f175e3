"""Importing less than is written: what the app has no use for stays out of its memory.

What can be spared is OpenSSL, since the app speaks to nobody over TLS, compression, the docstrings of the
libraries under the journal and the types that they were written with, which nobody reads here, and what reads
the papers of installed packages, which nobody asks for. Together they are twelve megabytes.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from opcode import opmap
from types import CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, ForwardRef

WORDY = frozenset(
    {"core", "pydantic", "pydantic_core", "pygments", "sqlalchemy", "sqlmodel", "textual", "tui"}
)
"""Packages of which a good part is docstrings; of Textual, Pygments and our own what is imported later."""
_PAPERS, _NAMES, _FILTERS, _TYPES = "importlib.metadata", "html", "pygments.filters", "textual.types"
_LATER_FUNCTIONS = {
    _PAPERS: ("entry_points", "version"),
    _FILTERS: ("get_filter_by_name",),
    _TYPES: ("IgnoreReturnCallbackType",),
}
"""Modules that others import for these functions, which the app may never call; or for a type, that only
stands in annotations."""
LONG = 100
"""Characters from which a docstring is dropped. What is as short might be used as a value as well."""
_DROPPED = "."
"""What stands in its place: some libraries want to find one."""
_SHA2 = ("_sha256", "_sha512") if sys.version_info < (3, 12) else ("_sha2",)
_OWN_HASHES = ("_md5", "_sha1", "_sha3", "_blake2", *_SHA2)
_HAS_DOCSTRING: int = getattr(inspect, "CO_HAS_DOCSTRING", 0)
"""The flag of a function with a docstring, in Pythons that know it (3.14)."""
_LOAD, _STORE = opmap["LOAD_CONST"], opmap["STORE_NAME"]


def spare_libraries() -> None:
    """Import what would load OpenSSL and compressors so that it does without, as in a Python that was built
    without them; and of Textual no trees for the name of a type.

    Python has hashes of its own. Only before anything has imported these modules; afterwards they can be
    imported as ever, but asyncio offers no TLS, and shutil packs archives without compressing them as well.
    """
    wanted = ("ssl", "bz2", "lzma", *(("_hashlib",) if all(map(find_spec, _OWN_HASHES)) else ()))
    absent: dict[str, ModuleType | None] = {name: None for name in wanted if name not in sys.modules}
    # None is what the import system takes for "there is no such module".
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        for name in ("asyncio", "hashlib", "hmac", "shutil"):
            import_module(name)
    finally:
        for name in absent:
            del sys.modules[name]
    sys.modules.setdefault(_TYPES, _Later(_TYPES))


def import_briefly() -> None:
    """From now on, import the wordy packages without long docstrings, and package papers when asked for."""
    _keep_no_code_of_types()
    if not any(isinstance(finder, _Briefly) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Briefly())
    # Pygments imports them for a word, and with it the names of all characters, and for a function, and with
    # it the symbols of two provers.
    for name in (_NAMES, _FILTERS):
        sys.modules.setdefault(name, _Later(name))
    if _PAPERS not in sys.modules:
        sys.modules[_PAPERS] = importlib.metadata = _Later(_PAPERS)
        # Pydantic would look through the papers of all packages for plugins.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def forget_types() -> None:
    """Let go of the types that the journal's libraries wrote down and nobody reads once they are imported.

    They are a megabyte: those of SQLAlchemy's functions, and the shapes that pydantic tells its core.
    Does nothing unless these libraries were imported briefly, for the app alone.
    """
    if not any(isinstance(finder, _Briefly) for finder in sys.meta_path):
        return
    for made in gc.get_objects():
        if type(made) is FunctionType and str(made.__module__).startswith("sqlalchemy."):
            del made.__annotations__
    shapes = sys.modules.get("pydantic_core.core_schema")
    for shape in list(vars(shapes).values()) if shapes else ():
        if isinstance(shape, type) and "__total__" in vars(shape):
            shape.__annotations__ = {}


def _keep_no_code_of_types() -> None:
    """Let a type that was written in quotes be compiled when somebody evaluates it, in place of being kept.

    Typing compiles it to see whether it is one, and keeps the code: a megabyte for the types of SQLAlchemy.
    From Python 3.14 on it does so by itself.
    """
    if isinstance(ForwardRef.__dict__.get("__forward_code__"), MemberDescriptorType):
        later = property(_code_of_type, lambda reference, code: None)
        ForwardRef.__forward_code__ = later  # type: ignore[misc, assignment]


def _code_of_type(reference: ForwardRef) -> CodeType:
    """What typing would have kept."""
    written = reference.__forward_arg__
    # That is how typing compiles what is unpacked, which is no expression alone.
    return compile(f"({written},)[0]" if written.startswith("*") else written, "<string>", "eval")


class _Later(ModuleType):
    """Stands for a module until somebody asks for what is in it."""

    def __getattr__(self, name: str) -> Any:
        """Hand out what is in the module; of some, functions that ask it only when they are called."""
        if name in _LATER_FUNCTIONS.get(self.__name__, ()):
            return lambda *arguments, **named: getattr(self._itself(), name)(*arguments, **named)
        # Its path is asked for by who imports `html.entities`, and by everyone who imports a name from it.
        if name.startswith("__") and (self.__name__, name) != (_NAMES, "__path__"):
            raise AttributeError(name)
        return getattr(self._itself(), name)

    def _itself(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)


class _Briefly:
    """Finds the modules of the wordy packages where they are."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module, to be loaded briefly; leave those that are not Python to others."""
        if name.partition(".")[0] not in WORDY:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Brief(spec.loader.name, spec.loader.path)
        return spec


class _Brief(SourceFileLoader):
    """Loads a module from its compiled file, as ever, and runs it without its long docstrings."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code."""
        code = super().get_code(fullname)
        return None if code is None else without_docstrings(code)


def without_docstrings(code: CodeType) -> CodeType:
    """Return the code, and all code in it, with long docstrings replaced."""
    constants = list(code.co_consts)
    changed = False
    for index, constant in enumerate(constants):
        if isinstance(constant, CodeType):
            constants[index] = without_docstrings(constant)
            changed = changed or constants[index] is not constant
    index = _docstring(code)
    if index >= 0 and isinstance(constants[index], str) and len(constants[index]) >= LONG:
        constants[index] = _DROPPED
        changed = True
    return code.replace(co_consts=tuple(constants)) if changed else code


def _docstring(code: CodeType) -> int:
    """The index of the constant that holds the docstring; negative when there is none.

    That of a function is its first constant. Without one that is None, from Python 3.14 on any other. Modules
    and classes store theirs under its name, first of all.
    """
    if code.co_flags & inspect.CO_OPTIMIZED:
        has_one = code.co_flags & _HAS_DOCSTRING if _HAS_DOCSTRING else not code.co_name.startswith("<")
        return 0 if code.co_consts and has_one else -1
    if "__doc__" not in code.co_names:
        return -1
    begin = code.co_code[:40]
    for at in range(2, len(begin), 2):
        if begin[at] == _STORE and code.co_names[begin[at + 1]] == "__doc__":
            return begin[at - 1] if begin[at - 2] == _LOAD else -1
    return -1
