"""Which picture shows which screen in which state, as a table: no screen and no state may be left out.

What is wide or an emoji, goes on without end, reads from right to left or is markup stands in two journals,
of which all pictures of the state `names` are: what one has no name in, the other has."""

from __future__ import annotations

from collections.abc import Iterator

from tests.tui.pictures import PANES_OF
from tui.pages.card import SIDE

STATES = ("empty", "one", "many", "names", "failed", "stale", "refused", "offline")

LIST = "one and many are rows of the same list, shown with many"
NOW = "it belongs to one moment of one build"
NO_LIST = "there is no list in it"
STILL = "it says nothing of a build, so nothing of it can be stale or fail"
OURS = "all its words are ours"
NEEDS = "it opens only with a journal; without one the key says so: refused-offline"
NO_ORDER = "it gives no order that the machine could refuse"
AT_ONCE = "what is not possible says so before it opens: board-refused"
STAYS = "what is read stays as it is; what asks for more says why it cannot: history-lost"
_PANE_ALONE = {
    "plan": "plan",
    "diff": "diff",
    "tests": "evidence",
    "review": "review",
    "handoffs": "handoffs",
    "cost": "cost",
    "events": "workflow-complete",
}


def only(why: str, **named: str) -> dict[str, str]:
    """A row with these pictures, and one reason for all states of which there is none."""
    return {state: named.get(state, f"- {why}") for state in STATES}


def pane_row(pane: str) -> dict[str, str]:
    """A pane of a workflow's screen: a build at its best, and in the journals that are hard to show."""
    hard = {state: f"pane-{pane}-{state}" for state in STATES if state in PANES_OF}
    hard["names"] += f" pane-{pane}-wide"
    return only("an order's answer and a lost journal are the screen's", one=_PANE_ALONE[pane], **hard)


MATRIX: dict[str, dict[str, str]] = {
    "BoardScreen": {
        "empty": "board-empty columns-empty",
        "one": "board-one",
        "many": "board board-columns board-many columns-many board-order board-filter board-chat",
        "names": "board-names columns-names board-talk-names",
        "failed": "board board-struggling",
        "stale": "board-stale",
        "refused": "board-refused",
        "offline": "board-offline talk-offline refused-offline",
    },
    "WorkflowScreen": {
        "empty": "workflow-empty",
        "one": "workflow-needs-you workflow-streaming search",
        "many": "workflow-many workflow-pasted",
        "names": "workflow-names",
        "failed": "workflow-failed",
        "stale": "workflow-stale",
        "refused": "workflow-refused",
        "offline": "workflow-lost",
    },
    "DecisionScreen": {
        "empty": f"- {AT_ONCE}",
        "one": "decision-plan decision-review decision-release",
        "many": "decision-many decision-asks",
        "names": "decision-names",
        "failed": f"- {AT_ONCE}",
        "stale": "decision-stale",
        "refused": "decision-refused",
        "offline": "decision-lost",
    },
    "RetryScreen": {
        "empty": "- there is always the phase itself",
        "one": "retry-failed",
        "many": "retry",
        "names": "retry-names",
        "failed": "retry-failed",
        "stale": "retry-stale",
        "refused": "retry-refused",
        "offline": "retry-lost",
    },
    "RollbackScreen": {
        "empty": f"- {AT_ONCE}",
        "one": "rollback-failed rollback-sure",
        "many": "rollback-many",
        "names": "rollback-names",
        "failed": "rollback-failed",
        "stale": "rollback",
        "refused": "rollback-refused",
        "offline": "- it is the same as of a retry: retry-lost",
    },
    "DiffScreen": {
        "empty": "diff-empty",
        "one": "diff-names",
        "many": "diff-large diff-split diff-many",
        "names": "diff-names",
        "failed": "- a diff is read, it cannot fail",
        "stale": "- it always shows the newest checkpoint",
        "refused": "diff-refused",
        "offline": f"- {STAYS}",
    },
    "EvidenceScreen": {
        "empty": "evidence-empty",
        "one": "evidence-failed",
        "many": "evidence-many evidence-large evidence-uncovered",
        "names": "evidence-names",
        "failed": "evidence-failed evidence-large",
        "stale": "evidence-output",
        "refused": f"- {NO_ORDER}",
        "offline": f"- {STAYS}",
    },
    "HistoryScreen": {
        "empty": "- the order itself is the first event",
        "one": "history-one",
        "many": "history-many history history-board",
        "names": "history-names",
        "failed": "history-failed history-touched",
        "stale": "history-stale",
        "refused": f"- {NO_ORDER}",
        "offline": "history-lost",
    },
    "StatisticsScreen": {
        "empty": "statistics-empty",
        "one": "statistics-one",
        "many": "statistics-many statistics statistics-throughput statistics-roles statistics-projects",
        "names": "statistics-names statistics-models",
        "failed": "statistics-many",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": f"- {NEEDS}",
    },
    "NewScreen": {
        "empty": "new-empty",
        "one": "new",
        "many": "new-roles",
        "names": "new-names",
        "failed": "new-refused",
        "stale": f"- {STILL}",
        "refused": "new-refused",
        "offline": f"- {NEEDS}",
    },
    "SettingsScreen": {
        "empty": "settings-offline",
        "one": f"- {LIST}",
        "many": "settings",
        "names": "settings-names",
        "failed": "settings-failed",
        "stale": f"- {STILL}",
        "refused": "settings-refused",
        "offline": "settings-offline",
    },
    "PromptsScreen": {
        "empty": "prompts-offline",
        "one": f"- {LIST}",
        "many": "prompts",
        "names": "prompts-names",
        "failed": "prompts",
        "stale": f"- {STILL}",
        "refused": "prompts",
        "offline": "prompts-offline",
    },
    "FirstScreen": {
        "empty": "first-empty",
        "one": "first",
        "many": "first-names",
        "names": "first-names",
        "failed": "first-offline",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": "first-offline",
    },
    "LogScreen": {
        "empty": "log-empty",
        "one": f"- {LIST}",
        "many": "log-many",
        "names": "log-names",
        "failed": "log",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": "- it reads a file of this machine",
    },
    "YesesScreen": {
        "empty": "yeses-empty",
        "one": f"- {LIST}",
        "many": "yeses-grants",
        "names": "yeses-names",
        "failed": f"- {STILL}",
        "stale": f"- {STILL}",
        "refused": "yeses-refused",
        "offline": f"- {NEEDS}",
    },
    "TokensScreen": {
        "empty": "tokens-empty",
        "one": f"- {LIST}",
        "many": "tokens",
        "names": "tokens-names",
        "failed": f"- {STILL}",
        "stale": f"- {STILL}",
        "refused": "tokens-refused",
        "offline": f"- {NEEDS}",
    },
    "MintedScreen": only(OURS, one="minted"),
    "HelpScreen": only(OURS, many="help"),
    "ConfirmScreen": only(NOW, one="leave decision-answer", many="decision-grant", names="confirm-names"),
    "AskScreen": only(NOW, names="ask-names"),
    "EditScreen": only(NO_LIST, names="settings-edit-names", refused="settings-edit-refused"),
    "KeyScreen": only(OURS, refused="settings-key-refused"),
    "PickScreen": only(STILL, many="new-template", names="template-names"),
    "Palette": only(OURS, empty="palette-empty", many="palette", offline="palette-offline"),
    **{f"WorkflowScreen: {pane}": pane_row(pane) for pane in SIDE},
}
"""Each screen, and each pane of a workflow, in each state: the pictures of it, or behind a dash why there is
none."""


def cells() -> Iterator[tuple[str, str, str]]:
    """Each picture that the table names: of which screen it is, in which state, and its name."""
    for row, states in MATRIX.items():
        for state, cell in states.items():
            for name in () if cell.startswith("- ") else cell.split():
                yield row.partition(":")[0], state, name
