"""Everything that keys can do anywhere in the app, read from the bindings themselves.

Help, palette and the settings of keys are made from it, so that none of them can forget or promise anything.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from textual.binding import Binding
from textual.dom import DOMNode

import tui.screens
import tui.widgets


class Deed(NamedTuple):
    """One action of one place. `id` is what a keymap calls it; `keys` are those that it comes with."""

    id: str
    name: str
    text: str
    keys: tuple[str, ...]
    action: str
    place: str
    owner: type[DOMNode]


EVERYWHERE = "everywhere"


@lru_cache(maxsize=1)
def deeds() -> tuple[Deed, ...]:
    """Return every action that explains itself, by place. Imports every screen: for screens that need all."""
    from tui.app import QdeckApp

    owners: list[type[DOMNode]] = [QdeckApp]
    for package in (tui.screens, tui.widgets):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            classes = [thing for thing in vars(module).values() if inspect.isclass(thing)]
            owners += [c for c in classes if c.__module__ == module.__name__ and issubclass(c, DOMNode)]
    return tuple(deed for owner in owners for deed in _deeds_of(owner))


def _deeds_of(owner: type[DOMNode]) -> list[Deed]:
    found = []
    for binding in vars(owner).get("BINDINGS", ()):
        if isinstance(binding, Binding) and binding.id and binding.tooltip:
            keys = tuple(key.strip() for key in binding.key.split(","))
            place = place_of(owner)
            found.append(
                Deed(binding.id, binding.description, binding.tooltip, keys, binding.action, place, owner)
            )
    return found


_PLACES = {
    "AskScreen": "question",
    "BackScreen": "way back",
    "Composer": "chat",
    "DecisionPage": "decision",
    "DiffView": "diff",
    "EditScreen": "field",
    "Editor": "prompt's editor",
    "FirstScreen": "first look",
    "Listing": "list",
    "MintedScreen": "new token",
    "NewScreen": "new build",
    "Pane": "workflow",
    "PickScreen": "choices",
    "Picker": "choices",
    "ProjectField": "folder",
    "Targets": "way back",
    "Writing": "text",
    "YesesScreen": "standing yeses",
}


def place_of(owner: type[DOMNode]) -> str:
    """Return what people call the place of these keys: `in the …`."""
    if owner.__name__ == "QdeckApp":
        return EVERYWHERE
    if owner.__name__ in _PLACES:
        return _PLACES[owner.__name__]
    name = owner.__name__.removesuffix("Screen") or owner.__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def keys_of(deed: Deed, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys that do it under this keymap."""
    mapped = keymap.get(deed.id)
    return deed.keys if mapped is None else tuple(key.strip() for key in mapped.split(","))


class Conflicts(NamedTuple):
    """Who has a key already: in the same place, where only one can have it, and in other places."""

    here: tuple[Deed, ...]
    elsewhere: tuple[Deed, ...]


def conflicts(binding_id: str, key: str, keymap: Mapping[str, str]) -> Conflicts:
    """Return what else `key` does where the action `binding_id` could be wanted, and in other places."""
    mine = [deed for deed in deeds() if deed.id == binding_id]
    owners = {deed.owner for deed in mine}
    global_one = any(deed.place == EVERYWHERE for deed in mine)
    here: dict[str, Deed] = {}
    elsewhere: dict[str, Deed] = {}
    for deed in deeds():
        if deed.id == binding_id or key not in keys_of(deed, keymap):
            continue
        near = global_one or deed.place == EVERYWHERE or deed.owner in owners
        (here if near else elsewhere).setdefault(deed.id, deed)
    return Conflicts(tuple(here.values()), tuple(elsewhere.values()))
