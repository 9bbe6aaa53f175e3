"""Evidence, large: everything the engine has in its hands, each thing openable to its last line of output."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from core.errors import QdeckError
from tui import words
from tui.asking import ask_aside
from tui.ink import Span, said
from tui.pages.coverage import ranges_of
from tui.pages.parts import with_digests
from tui.pages.proof_detail import detail_page, output_rows
from tui.pages.proofs import Entry, entries_of, entry_line
from tui.pages.uncovered import Code, code_of
from tui.picture import Picture
from tui.screens.base import READING, DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.listing import Listing
from tui.widgets.reader import Reader

KEPT = 8
"""Outputs, and pieces of code, that stay read."""


class EvidenceScreen(Searching, DeckScreen):
    """Receipts, findings, and what they prove."""

    CSS_PATH = "evidence.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,e", "leave", "Back", id="evidence.close", tooltip="Back to where you came from."),
        Binding(
            "tab", "other", "Other half", id="evidence.other", tooltip="To the list, and back.", show=False
        ),
        Binding(
            "right_square_bracket", "group(1)", "Next group", id="evidence.next", tooltip="The next group."
        ),
        Binding(
            "left_square_bracket",
            "group(-1)",
            "Group before",
            id="evidence.before",
            tooltip="The one before.",
        ),
        Binding("d", "diff", "Diff", id="evidence.diff", tooltip="Read what changed."),
        *SEARCH_KEYS,
    ]

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self.picture: Picture | None = None
        self._entries: list[Entry] = []
        self._outputs: OrderedDict[tuple[str, int], list[str]] = OrderedDict()
        self._codes: OrderedDict[tuple[object, ...], Code] = OrderedDict()
        self._shown: tuple[object, ...] = ()
        self._reading = False

    def content(self) -> ComposeResult:
        """Title, what there is, and everything about one of them."""
        yield Bar(READING, id="title")
        with Container(id="halves"):
            yield Listing(id="list")
            yield Reader(id="detail")

    def on_mount(self) -> None:
        """The list first."""
        self.deck.rewatch()
        self._list.focus()

    def on_screen_resume(self) -> None:
        """Follow it again after another screen was on top."""
        self.deck.rewatch()

    def on_resize(self) -> None:
        """Outputs are broken to another width."""
        self.call_after_refresh(self._show_detail)

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    def workflow_id(self) -> str:
        """The workflow that is shown."""
        return self._workflow_id

    @property
    def _list(self) -> Listing:
        return self.query_one("#list", Listing)

    @property
    def _detail(self) -> Reader:
        return self.query_one("#detail", Reader)

    @property
    def entry(self) -> Entry | None:
        """What the cursor is on."""
        index = self._list.cursor
        return self._entries[index] if index < len(self._entries) else None

    @property
    def settled(self) -> bool:
        """Whether everything about the entry under the cursor is read."""
        return not self._reading

    def searched(self) -> Reader | Listing:
        """What is open is looked through; without it, the list."""
        return self._detail if self.has_class("-open") else self._list

    def give_focus(self) -> None:
        """To what is looked through."""
        self.searched().focus()

    def copied(self) -> str:
        """What is found or shown, with whole digests; of a receipt in the list they are below its line."""
        text, receipt = super().copied(), self.entry.receipt if self.entry else None
        if receipt is None:
            return text
        if not self.has_class("-open") and not self.searched().found.needle:
            text += f"\noutput {receipt.output_digest}\ntree {receipt.tree_before}"
        return with_digests(text, (receipt,))

    def on_found(self) -> None:
        """Say how many."""
        self._show_title()

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        if self.focused is self._detail:
            return (
                Hint("j k", "scroll"),
                Hint("/", "search in it", "screen.search"),
                Hint("n N", "matches"),
                Hint("tab", "list", "screen.other"),
                Hint("esc", "list", "screen.leave"),
            )
        return (
            Hint("j k", "choose"),
            Hint("enter", "open"),
            Hint("[ ]", "groups", "screen.group(1)"),
            Hint("/", "search", "screen.search"),
            Hint("d", "diff", "screen.diff"),
            Hint("esc", "back", "screen.leave"),
        )

    # --- drawing

    def take_picture(self, picture: Picture) -> None:
        """Show what there is now; the cursor stays on what it was on."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        old, self.picture = self.picture, picture
        if old and (old.view.evidence, old.receipts, old.tree) == (
            picture.view.evidence,
            picture.receipts,
            picture.tree,
        ):
            return
        kept = _name(self.entry) if self.entry else None
        self._entries = entries_of(picture)
        entries = self._entries
        listing = self._list
        names = [_name(entry) for entry in entries]
        place = names.index(kept) if kept in names else 1
        listing.fill(
            len(entries),
            lambda i, width: entry_line(entries[i], width),
            [f"{e.label} {e.title}" for e in entries],
        )
        listing.move_to(place)
        # What is open is drawn anew, and stays where it was read.
        self._shown = self._shown[:1]
        self._show_title()
        self._show_detail()

    def _show_title(self) -> None:
        if self.picture is None:
            return
        view = self.picture.view
        counting = sum(1 for e in view.evidence.values() if e.current)
        match = self.match_line()
        self.query_one("#title", Bar).show(
            (Span("Evidence  ", "strong bold"), Span(f"{view.build_id}  ", "muted"), said(view.title)),
            match or (Span(f"{counting} of 6 count now", "muted"),),
        )

    def ages(self) -> tuple[str, ...]:
        """That of the receipt which is shown."""
        receipt = self.entry.receipt if self.entry else None
        return words.ages((receipt.at,), self.deck.now()) if receipt else ()

    def show_ages(self) -> None:
        """Draw it anew, where it was read."""
        self._shown = self._shown[:1]
        self._show_detail()

    @on(Listing.Moved, "#list")
    def _moved(self) -> None:
        self._show_detail()

    @on(Listing.Chosen, "#list")
    def _chosen(self) -> None:
        if self.entry is not None and self.entry.kind != "heading":
            self.add_class("-open")
            self._detail.focus()
            self.call_after_refresh(self._show_detail)

    def _show_detail(self) -> None:
        entry, picture = self.entry, self.picture
        width = self._detail.scrollable_content_region.width - 1
        if entry is None or picture is None:
            return
        if width <= 0:
            # Where one half is shown at a time, this one will have all of it.
            width = self.size.width - 5
        output: list[str] | None = None
        code: Code | None = None
        if entry.receipt is not None:
            output = self._outputs.get((entry.receipt.receipt_id, width))
            if output is None:
                self._begin(self._read(entry, width))
        if entry.kind == "uncovered":
            code = self._codes.get(_passage(entry))
            if code is None:
                self._begin(self._read_code(entry, picture))
        key = (_name(entry), width, output is None, code and _passage(entry))
        if key == self._shown:
            return
        same = self._shown[:1] == key[:1]
        self._shown = key
        now = self.deck.now()
        self._detail.show(lambda width: detail_page(entry, picture, width, now, output, code), top=not same)

    def _begin(self, reading: Coroutine[object, object, None]) -> None:
        """Read one thing at a time; what the cursor is on by then is read next."""
        if self._reading:
            reading.close()
            return
        self._reading = True
        self.run_worker(reading, group="reading")

    async def _read(self, entry: Entry, width: int) -> None:
        """Read a whole output: the receipt itself has its tail only."""
        receipt = entry.receipt
        assert receipt is not None  # noqa: S101 - only receipts are read
        text = receipt.output
        try:
            if receipt.artifact:
                data = await self.deck.link.ask(lambda service: service.artifact(receipt.artifact))
                text = data.decode("utf-8", "replace") if data is not None else text
            self._outputs[receipt.receipt_id, width] = await asyncio.to_thread(output_rows, text, width)
            while len(self._outputs) > KEPT:
                self._outputs.popitem(last=False)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            self._outputs[receipt.receipt_id, width] = output_rows(text, width)
        finally:
            self._reading = False
        if self.is_attached:
            self._show_detail()

    async def _read_code(self, entry: Entry, picture: Picture) -> None:
        """Read the lines that no test ran from the tree of which that was measured."""
        try:
            projects = await self.deck.link.ask(lambda service: service.projects())
            home = next((p.path for p in projects if p.project_id == picture.view.project_id), "")
            wanted = {"tree": entry.data["tree"], "file": entry.data["path"]}
            wanted |= {"project": home, "wanted": ranges_of(entry.data["lines"])}
            answer = await ask_aside("lines", "--json", about=wanted)
            self._codes[_passage(entry)] = code_of(answer)
            while len(self._codes) > KEPT:
                self._codes.popitem(last=False)
        except QdeckError as error:
            self._codes[_passage(entry)] = Code(trouble=str(error))
        finally:
            self._reading = False
        if self.is_attached:
            self._show_detail()

    # --- keys

    def action_other(self) -> None:
        """From the list to what is open, and back."""
        if self.focused is self._detail:
            self._close_detail()
        else:
            self._chosen()

    def _close_detail(self) -> None:
        if self._detail.found.needle:
            self._detail.search("")
        self.remove_class("-open")
        self._list.focus()
        self._show_title()

    def action_group(self, step: int) -> None:
        """To the first thing of the next group, or of the one before."""
        heads = [i for i, entry in enumerate(self._entries) if entry.kind == "heading"]
        here = self._list.cursor
        ahead = [h for h in heads if h > here] if step > 0 else [h for h in heads if h < here - 1]
        if ahead:
            self._list.move_to((ahead[0] if step > 0 else ahead[-1]) + 1)

    def action_diff(self) -> None:
        """Read the diff on top of this."""
        self.deck.open_diff(self._workflow_id)

    def action_leave(self) -> None:
        """Out of the search, out of what is open, and at last out of the screen."""
        if self.end_search():
            return
        if self.has_class("-open"):
            self._close_detail()
        else:
            self.dismiss()


def _name(entry: Entry) -> tuple[str, str]:
    """What stays the same of an entry when things change."""
    if entry.receipt is not None:
        return "receipt", entry.receipt.receipt_id
    if entry.evidence is not None:
        return "evidence", entry.evidence.kind.value
    return entry.kind, str(entry.data.get("key") or entry.title)


def _passage(entry: Entry) -> tuple[object, ...]:
    """Which lines of which file in which tree."""
    return entry.data["tree"], entry.data["path"], entry.data["lines"]
