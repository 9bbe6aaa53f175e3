"""Writing the user's settings file: one value, and nothing else of it changes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from core.config import Paths, load_settings
from core.config_file import manual, write_setting, write_settings
from core.config_values import PARSERS
from core.errors import ConfigError

MINE = """# mine, do not touch
model = "a/b"   # the cheap one
later_than_this_version = 3

[models] # per role
code_writer = "x/y"
# the end
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An empty home."""
    return Paths.find({"QDECK_HOME": str(tmp_path / "home")})


def test_one_value_changes_and_the_rest_stays(paths: Paths) -> None:
    """Comments, order, unknown keys and the file's mode are their owner's."""
    paths.config.mkdir(parents=True)
    paths.config_file.write_text(MINE)
    paths.config_file.chmod(0o640)
    write_setting(("model",), "c/d", paths)
    write_setting(("models", "code_writer"), None, paths)
    write_setting(("models", "test_auditor"), "t/t", paths)
    write_setting(("notify_about",), ("complete",), paths)
    write_setting(("keymap", "build.approve"), "y", paths)
    text = paths.config_file.read_text()
    for kept in (
        "# mine, do not touch",
        "# the cheap one",
        "later_than_this_version = 3",
        "# per role",
        "# the end",
    ):
        assert kept in text
    assert paths.config_file.stat().st_mode & 0o777 == 0o640
    write_setting(("later_than_this_version",), None, paths)
    settings = load_settings(env={"QDECK_HOME": str(paths.config.parent)})
    assert (settings.model, dict(settings.models)) == ("c/d", {"test_auditor": "t/t"})
    assert settings.notify_about == ("complete",) and dict(settings.keymap) == {"build.approve": "y"}
    assert not [f for f in paths.config.iterdir() if f.name != "config.toml"], "no scratch is left"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (("autonomy",), "yolo", "one of manual, gated, auto"),
        (("budget_usd",), "much", "budget_usd cannot be 'much'"),
        (("models", "boss"), "a/b", "is no role"),
        (("notify",), "smoke", "one of auto, bell"),
        (("notify_about",), ("lunch",), "'lunch' is none of needs_you, complete"),
        (("modell",), "a/b", "Did you mean 'model'?"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    name: tuple[str, ...], value: object, why: str, paths: Paths
) -> None:
    """Not a byte of the file changes, also not for the good value beside the bad one."""
    write_setting(("model",), "a/b", paths)
    before = paths.config_file.read_bytes()
    with pytest.raises(ConfigError, match=why) as caught:
        write_settings({("model",): "z/z", name: value}, paths)
    assert "config.toml" in str(caught.value)
    assert paths.config_file.read_bytes() == before


def test_a_file_that_is_no_toml_is_left_alone(paths: Paths) -> None:
    """A half-edited file is not overwritten."""
    paths.config.mkdir(parents=True)
    paths.config_file.write_text("model = \n")
    with pytest.raises(ConfigError, match="no valid TOML"):
        write_setting(("model",), "a/b", paths)
    assert paths.config_file.read_text() == "model = \n"


def test_a_link_to_the_real_file_stays_a_link(paths: Paths, tmp_path: Path) -> None:
    """People keep their settings in a repository of dot files."""
    (tmp_path / "dots").mkdir()
    (tmp_path / "dots" / "qdeck.toml").write_text("# dots\n")
    paths.config.mkdir(parents=True)
    paths.config_file.symlink_to(tmp_path / "dots" / "qdeck.toml")
    write_setting(("model",), "a/b", paths)
    assert paths.config_file.is_symlink()
    assert (tmp_path / "dots" / "qdeck.toml").read_text() == '# dots\nmodel = "a/b"\n'


def test_every_setting_has_a_sentence() -> None:
    """The settings screen shows what stands behind the field."""
    sentences = manual()
    assert set(PARSERS) <= set(sentences)
    assert all(text.endswith(".") or text.endswith("`.") or ":" in text for text in sentences.values())
    assert len(fields(load_settings())) >= len(sentences)
