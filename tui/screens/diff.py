"""The diff, large: a tree of files, old and new side by side, and remarks on lines that go to a role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Input

from core.machine.states import EvidenceKind
from core.text import clean
from tui import legal, words
from tui.diff_model import Diff, parse_diff, shown_path
from tui.ink import Line, Span, cut_line, said, spread
from tui.legal import Standing
from tui.pages.coverage import uncovered_of
from tui.picture import Picture
from tui.remarks import Remark, Spot
from tui.screens.base import READING, DeckScreen
from tui.screens.searching import SEARCH_KEYS, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.diff import DiffView
from tui.widgets.listing import Listing


class DiffScreen(Searching, DeckScreen):
    """What a workflow changed since its base."""

    CSS_PATH = "diff.tcss"
    ORDERS = frozenset({"retry"})
    # A comment that nobody could send is none to write.
    WRITES = frozenset({"comment", "forget", "undo"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,d", "leave", "Back", id="diff.close", tooltip="Back to where you came from."),
        Binding(
            "v", "split", "Side by side", id="diff.split", tooltip="Old and new side by side, or as one."
        ),
        Binding("t", "tree", "Files", id="diff.tree", tooltip="Show or hide the tree of files."),
        Binding("tab", "other", "Other half", id="diff.other", tooltip="To the files, and back.", show=False),
        Binding("x", "forget", "Forget", id="diff.forget", tooltip="Take the comment on this line away."),
        Binding("z", "undo", "Undo", id="diff.undo", tooltip="Put the comment back that you took away last."),
        Binding(
            "r", "retry", "Send back", id="diff.retry", tooltip="Send it back, your comments as the reason."
        ),
        *SEARCH_KEYS,
    ]

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self.picture: Picture | None = None
        self._diff = Diff()
        self._tree_lines: list[tuple[str, int]] = []
        self._asked: tuple[Spot, str] | None = None
        self._forgotten: list[Remark] = []

    def content(self) -> ComposeResult:
        """Title, where one is, the files and the diff."""
        yield Bar(READING, id="title")
        yield Bar(id="where")
        with Container(id="halves"):
            yield Listing(id="tree")
            yield DiffView(id="diff")

    def on_mount(self) -> None:
        """Read at once; the tree is a key away."""
        self.deck.rewatch()
        self._view.focus()

    def on_screen_resume(self) -> None:
        """Follow it again after another screen was on top; what was sent from there is gone from here."""
        self.deck.rewatch()
        if self.picture is not None:
            self._view.remarks_changed()
            self._show()

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    def workflow_id(self) -> str:
        """The workflow that is shown."""
        return self._workflow_id

    def searched(self) -> DiffView:
        """The diff is looked through."""
        return self._view

    def give_focus(self) -> None:
        """To the diff."""
        self._view.focus()

    def on_found(self) -> None:
        """Say how many."""
        self._show()

    @property
    def _view(self) -> DiffView:
        return self.query_one("#diff", DiffView)

    @property
    def _tree(self) -> Listing:
        return self.query_one("#tree", Listing)

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if isinstance(self.focused, Input):
            return (Hint("enter", "keep"), Hint("esc", "not now"))
        dim = not legal.possible("retry", self._standing())
        count = len(self.deck.remarks.of(self._workflow_id))
        sends = f"send back with {words.plural(count, 'comment')}" if count else "send back"
        view, short = ("one column", "as one") if self._view.split else ("side by side", "split")
        return (
            Hint("enter", "comment", "", bool(self.refusal("comment"))),
            Hint("r", sends, "screen.retry", dim, "send back"),
            Hint("[ ]", "hunks"),
            Hint("{ }", "files"),
            Hint("v", view, "screen.split", short=short),
            Hint("t", "tree", "screen.tree"),
            Hint("/", "search", "screen.search"),
            Hint("u", "uncovered"),
            Hint("esc", "back", "screen.leave"),
        )

    # --- drawing

    def take_picture(self, picture: Picture) -> None:
        """Show the diff as it is now."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        old, self.picture = self.picture, picture
        tests = EvidenceKind.TESTS
        if (
            old is None
            or old.diff != picture.diff
            or old.view.evidence.get(tests) != picture.view.evidence.get(tests)
        ):
            self._diff = parse_diff(picture.diff) if picture.diff else Diff()
            remarks = self.deck.remarks.of(self._workflow_id)
            self._view.show(self._diff, uncovered_of(picture), remarks)
            self._fill_tree()
        self._show()
        self.refresh_hints()

    def _standing(self) -> Standing | None:
        if self.picture is None:
            return None
        view = self.picture.view
        return Standing(view.build_id, view.state, view.condition, view.waiting_for)

    def _fill_tree(self) -> None:
        self._tree_lines = tree_lines(self._diff)
        texts = [name for name, _ in self._tree_lines]
        self._tree.fill(len(texts), self._tree_line, texts)
        self._follow_file()

    def _tree_line(self, index: int, width: int) -> Line:
        name, number = self._tree_lines[index]
        if number < 0:
            return cut_line((Span(shown_path(name), "muted"),), width)
        file = self._diff.files[number]
        count = sum(1 for s in self.deck.remarks.of(self._workflow_id) if s.path == file.path)
        here = number == self._view.file
        indent = "  " if "/" in file.path else ""
        left = (
            Span(f"{indent}{file.status} ", "muted"),
            Span(shown_path(name), "strong bold" if here else "text"),
        )
        right: Line = (
            *((Span(f"{words.NEED}{count} ", "need bold"),) if count else ()),
            Span(f"+{file.added}", "add"),
            Span(f" -{file.removed}", "del"),
        )
        return spread(left, right, width)

    def _show(self) -> None:
        picture, view = self.picture, self._view
        if picture is None:
            return
        stat = sum(f.added for f in self._diff.files), sum(f.removed for f in self._diff.files)
        count = len(self.deck.remarks.of(self._workflow_id))
        right: list[Span] = []
        if count:
            right += [Span(words.plural(count, "comment"), "need bold"), Span("  ")]
        if missed := view.missed:
            right += [Span(f"! {words.plural(missed, 'line')} no test ran", "need"), Span("  ")]
        right += [Span(words.plural(len(self._diff.files), "file"), "text")]
        right += [Span(f"  +{stat[0]}", "add"), Span(f" -{stat[1]}", "del")]
        left = (
            Span("Diff  ", "strong bold"),
            Span(f"{picture.view.build_id}  ", "muted"),
            said(picture.view.title),
        )
        self.query_one("#title", Bar).show(left, tuple(right))
        self._show_where()
        self._tree.refresh()

    def _show_where(self) -> None:
        """The file that one is in stays in sight, however far its heading has gone."""
        view = self._view
        if not self._diff.files:
            self.query_one("#where", Bar).show((Span("Nothing was changed yet.", "muted"),))
            return
        item = view.item
        if item is None:
            return
        file = self._diff.files[item.file]
        left: Line = (Span(shown_path(file.path), "strong bold"),)
        if item.hunk >= 0:
            left += (Span(f"  hunk {item.hunk + 1} of {len(file.hunks)}", "muted"),)
        files = Span(f"file {item.file + 1} of {len(self._diff.files)}", "muted")
        match = self.match_line()
        self.query_one("#where", Bar).show(left, (*match, Span("  "), files) if match else (files,))

    @on(DiffView.Moved)
    def _moved(self) -> None:
        self._show_where()
        self.refresh_hints()
        self._follow_file()
        self._tree.refresh()

    def _follow_file(self) -> None:
        """Put the tree's cursor on the file that one is in, unless one moves in the tree."""
        here = self._view.file
        if self.focused is not self._tree and here >= 0:
            lines = [i for i, (_, number) in enumerate(self._tree_lines) if number == here]
            self._tree.move_to(lines[0] if lines else 0)

    @on(Listing.Moved, "#tree")
    def _tree_moved(self, event: Listing.Moved) -> None:
        if self.focused is self._tree and event.index < len(self._tree_lines):
            number = self._tree_lines[event.index][1]
            below = (n for _, n in self._tree_lines[event.index :] if n >= 0)
            self._view.go_file(number if number >= 0 else next(below, 0))

    @on(Listing.Chosen, "#tree")
    def _tree_chosen(self) -> None:
        if not self.has_class("-wide"):
            self.remove_class("-tree")
        self._view.focus()

    # --- remarks

    @on(DiffView.Asked)
    async def _remark_asked(self, event: DiffView.Asked) -> None:
        if why := self.refusal("comment"):
            self.deck.tell(why, bad=True)
            return
        self._asked = (event.spot, event.code)
        if not self.query("#remark"):
            field = Input(id="remark", compact=True)
            field.cursor_blink = False
            await self.mount(field, before="#hints")
        field = self.query_one("#remark", Input)
        known = self.deck.remarks.of(self._workflow_id).get(event.spot)
        field.value = clean(known.text, lines=False) if known else ""
        field.placeholder = f"what should be different in line {event.spot.line}; enter keeps it"
        field.add_class("-open")
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the remark; what belongs to the search goes there."""
        if event.input.id != "remark":
            super().on_input_submitted(event)
            return
        if self._asked is not None:
            spot, code = self._asked
            self.deck.remarks.keep(self._workflow_id, Remark(spot, code, event.value.strip()))
            self.deck.remember()
        self._close_remark()
        self._view.remarks_changed()
        self._show()

    def _close_remark(self) -> None:
        self._asked = None
        self.query_one("#remark").remove_class("-open")
        self._view.focus()
        self.refresh_hints()

    def action_forget(self) -> None:
        """Take the remark on this line away."""
        spot = self._view.spot
        remarks = self.deck.remarks.of(self._workflow_id)
        if spot is None or spot not in remarks:
            self.deck.tell("There is no comment on this line.")
            return
        self._forgotten.append(remarks.pop(spot))
        self.deck.tell("The comment is gone. z puts it back.")
        self._remarked()

    def action_undo(self) -> None:
        """Put the comment back that was taken away last."""
        if not self._forgotten:
            self.deck.tell("No comment was taken away here.")
            return
        remark = self._forgotten.pop()
        self.deck.remarks.keep(self._workflow_id, remark)
        self._remarked()
        self._view.go_to(remark.spot)

    def _remarked(self) -> None:
        """The comments are others now: keep them, and show them."""
        self.deck.remember()
        self._view.remarks_changed()
        self._show()
        self.refresh_hints()

    def action_retry(self) -> None:
        """Send the work back; what was noted is the reason to begin with."""
        if self.picture is None:
            self.deck.tell(legal.OPENING)
        elif legal.possible("retry", self._standing()):
            self.deck.open_retry(self._workflow_id)
        else:
            self.deck.tell_why_not("retry", self._workflow_id, self._standing())

    # --- keys

    def action_split(self) -> None:
        """Side by side, or one below the other."""
        self._view.toggle_split()
        self.refresh_hints()

    def action_tree(self) -> None:
        """Show or hide the files; where there is room for one only, they take turns."""
        shown = self._tree.styles.display != "none"
        self.set_class(not shown, "-tree")
        self.set_class(shown, "-no-tree")
        (self._view if shown else self._tree).focus()
        # Side by side or not depends on the room that the tree leaves.
        self.call_after_refresh(self.refresh_hints)

    def action_other(self) -> None:
        """From the diff to the files, and back."""
        if self.focused is self._tree:
            self._view.focus()
        elif self._tree.styles.display != "none":
            self._tree.focus()
        else:
            self.action_tree()

    def action_leave(self) -> None:
        """Out of the remark, the search, the tree, and at last the screen."""
        if self.query("#remark.-open"):
            self._close_remark()
        elif self.end_search():
            return
        elif self.focused is self._tree:
            if not self.has_class("-wide"):
                self.remove_class("-tree")
            self._view.focus()
        else:
            self.dismiss()


def tree_lines(diff: Diff) -> list[tuple[str, int]]:
    """Return the files under their folders: the text of each line, and the file's number or -1."""
    lines: list[tuple[str, int]] = []
    folder = ""
    for number, file in sorted(enumerate(diff.files), key=lambda item: _by_folder(item[1].path)):
        head, _, name = file.path.rpartition("/")
        if head != folder:
            folder = head
            if head:
                lines.append((f"{head}/", -1))
        lines.append((name, number))
    return lines


def _by_folder(path: str) -> tuple[str, str]:
    head, _, name = path.rpartition("/")
    return head, name
