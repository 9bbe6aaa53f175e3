"""The app's own themes. Colours are named by what they mean; a state is never shown by its colour alone."""

from __future__ import annotations

from textual.theme import Theme

DARK = "qdeck-dark"
LIGHT = "qdeck-light"
CONTRAST = "qdeck-contrast"
SAFE = "qdeck-safe"
TERMINAL = "qdeck-terminal"
NAMES = {
    DARK: "Dark",
    LIGHT: "Light",
    CONTRAST: "High contrast",
    SAFE: "Safe for colour-blind eyes",
    TERMINAL: "The terminal's own colours",
}
"""The themes that are offered, by what people call them."""


def _theme(
    name: str, *, dark: bool, ink: dict[str, str], ground: dict[str, str], ansi: bool = False
) -> Theme:
    variables = {f"ink-{meaning}": colour for meaning, colour in ink.items()}
    variables |= {
        "ground-cursor": ground["cursor"],
        "ground-code": ground["code"],
        "border": ground["rule"],
        "border-blurred": ground["rule"],
        "scrollbar": ground["rule"],
        "scrollbar-hover": ink["muted"],
        "scrollbar-active": ink["run"],
        "scrollbar-background": ground["background"],
        "scrollbar-background-hover": ground["background"],
        "scrollbar-background-active": ground["background"],
        "scrollbar-corner-color": ground["background"],
        "input-cursor-background": ink["text"],
        "input-cursor-foreground": ground["background"],
        "input-selection-background": ground["selection"],
        "block-cursor-background": ground["cursor"],
        "block-cursor-foreground": ink["strong"],
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": ground["panel"],
        "block-cursor-blurred-foreground": ink["text"],
        "block-cursor-blurred-text-style": "none",
        "footer-background": ground["background"],
    }
    if ansi:
        variables |= {"ansi-background": "ansi_black", "ansi-foreground": "ansi_white"}
    return Theme(
        name=name,
        dark=dark,
        primary=ink["run"],
        secondary=ink["role"],
        accent=ink["need"],
        warning=ink["need"],
        error=ink["bad"],
        success=ink["ok"],
        foreground=ink["text"],
        background=ground["background"],
        surface=ground["surface"],
        panel=ground["panel"],
        variables=variables,
        ansi=ansi,
    )


THEMES: tuple[Theme, ...] = (
    _theme(
        DARK,
        dark=True,
        ink={
            "text": "#d5dae3",
            "strong": "#f4f6fa",
            "muted": "#8d97a8",
            "faint": "#5b6678",
            "rule": "#2a3342",
            "need": "#f3b94d",
            "run": "#6cb4ff",
            "ok": "#7fd08d",
            "bad": "#ff7d73",
            "role": "#bda2ff",
            "add": "#8fd69b",
            "del": "#ff9189",
            "code": "#9fd3e6",
        },
        ground={
            "background": "#0e1117",
            "surface": "#131821",
            "panel": "#1a212c",
            "cursor": "#1c2a3d",
            "selection": "#2c4a6e",
            "code": "#141b25",
            "rule": "#2a3342",
        },
    ),
    _theme(
        LIGHT,
        dark=False,
        ink={
            "text": "#262b33",
            "strong": "#0b0f15",
            "muted": "#5c6675",
            "faint": "#7b8492",
            "rule": "#d6d1c6",
            "need": "#925400",
            "run": "#0a5fb0",
            "ok": "#1a7434",
            "bad": "#b2261d",
            "role": "#6538b3",
            "add": "#176b2f",
            "del": "#a5221a",
            "code": "#0b5a74",
        },
        ground={
            "background": "#fbf9f5",
            "surface": "#f4f1ea",
            "panel": "#ebe7de",
            "cursor": "#e0e9f5",
            "selection": "#bcd6f3",
            "code": "#f1ede4",
            "rule": "#d6d1c6",
        },
    ),
    _theme(
        CONTRAST,
        dark=True,
        ink={
            "text": "#ffffff",
            "strong": "#ffffff",
            "muted": "#d0d0d0",
            "faint": "#a8a8a8",
            "rule": "#8a8a8a",
            "need": "#ffd24a",
            "run": "#7cc4ff",
            "ok": "#7dff9a",
            "bad": "#ff9d94",
            "role": "#e0c8ff",
            "add": "#7dff9a",
            "del": "#ff9d94",
            "code": "#aef1ff",
        },
        ground={
            "background": "#000000",
            "surface": "#000000",
            "panel": "#141414",
            "cursor": "#003a70",
            "selection": "#00509e",
            "code": "#0c0c0c",
            "rule": "#8a8a8a",
        },
    ),
    _theme(
        SAFE,
        dark=True,
        # Blue, yellow and orange stay apart for every kind of colour blindness; red beside green does not.
        ink={
            "text": "#d5dae3",
            "strong": "#f4f6fa",
            "muted": "#98a2b3",
            "faint": "#707c90",
            "rule": "#2a3342",
            "need": "#f5d547",
            "run": "#7db7ff",
            "ok": "#7fdcf0",
            "bad": "#ff9a52",
            "role": "#d9b3ea",
            "add": "#7db7ff",
            "del": "#ff9a52",
            "code": "#a9cfe0",
        },
        ground={
            "background": "#0e1117",
            "surface": "#131821",
            "panel": "#1a212c",
            "cursor": "#1c2a3d",
            "selection": "#2c4a6e",
            "code": "#141b25",
            "rule": "#2a3342",
        },
    ),
    _theme(
        TERMINAL,
        dark=True,
        ansi=True,
        ink={
            "text": "ansi_default",
            "strong": "ansi_default",
            "muted": "ansi_default",
            "faint": "ansi_bright_black",
            "rule": "ansi_bright_black",
            "need": "ansi_yellow",
            "run": "ansi_blue",
            "ok": "ansi_green",
            "bad": "ansi_red",
            "role": "ansi_magenta",
            "add": "ansi_green",
            "del": "ansi_red",
            "code": "ansi_cyan",
        },
        ground={
            "background": "ansi_default",
            "surface": "ansi_default",
            "panel": "ansi_default",
            "cursor": "ansi_default",
            "selection": "ansi_bright_blue",
            "code": "ansi_default",
            "rule": "ansi_bright_black",
        },
    ),
)
"""Every ink has at least 4.5:1 on every ground of its theme but `faint`, which has 3:1 on the plain ones,
only repeats what words or glyphs say and is `muted` under the cursor, and `rule`, which draws lines."""

_BORROWED: dict[str, str] = {
    "ink-text": "foreground",
    "ink-strong": "foreground",
    "ink-muted": "foreground-darken-2",
    "ink-faint": "foreground-darken-3",
    "ink-rule": "panel-lighten-2",
    "ink-need": "text-warning",
    "ink-run": "text-primary",
    "ink-ok": "text-success",
    "ink-bad": "text-error",
    "ink-role": "text-secondary",
    "ink-add": "text-success",
    "ink-del": "text-error",
    "ink-code": "text-accent",
    "ground-cursor": "panel",
    "ground-code": "surface",
}


def inks_of(theme: Theme) -> dict[str, str]:
    """Return our inks in a theme that is not ours: the user may choose any of Textual's."""
    if "ink-text" in theme.variables:
        return {}
    colours = theme.to_color_system().generate()
    return {ink: colours[colour] for ink, colour in _BORROWED.items()}
