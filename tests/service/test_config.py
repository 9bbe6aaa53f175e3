"""Settings: who wins over whom, what a project may do, and what is said about a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import Paths, Settings, as_url, ask_digest, load_settings, sqlite_path, worker_lock_path
from core.errors import ConfigError, ExitCode
from core.machine.states import Autonomy, Role


def _home(tmp_path: Path, text: str = "") -> dict[str, str]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(text)
    return {"QDECK_HOME": str(tmp_path)}


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    """Nothing configured is a gated workflow without a model, in the user's folders."""
    settings = load_settings(env={"QDECK_HOME": str(tmp_path)})
    assert (settings.model, settings.autonomy, settings.retry_budget) == ("", Autonomy.GATED, 3)
    assert settings.database_url == f"sqlite:///{tmp_path}/data/qdeck.db"
    assert settings.sources["model"] == "default"
    assert not (tmp_path / "data").exists()


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """Each source covers the one below it, and each value knows where it came from."""
    env = _home(tmp_path, 'model = "file/m"\nretry_budget = 5\nautonomy = "manual"\n')
    env |= {"QDECK_MODEL": "env/m", "QDECK_RETRY_BUDGET": "4"}
    settings = load_settings(flags={"model": "flag/m", "autonomy": None}, env=env)
    assert (settings.model, settings.retry_budget, settings.autonomy) == ("flag/m", 4, Autonomy.MANUAL)
    assert settings.sources["model"] == "flag"
    assert settings.sources["retry_budget"] == "environment QDECK_RETRY_BUDGET"
    assert settings.sources["autonomy"].endswith("config.toml")


def test_each_role_may_have_a_model_of_its_own(tmp_path: Path) -> None:
    """Tables of several sources add up; the others use the common model."""
    env = _home(tmp_path, 'model = "all/m"\n[models]\ncode_writer = "a/m"\ntest_auditor = "b/m"\n')
    env["QDECK_MODEL_TEST_AUDITOR"] = "c/m"
    settings = load_settings(env=env)
    found = [settings.model_for(role) for role in (Role.CODE_WRITER, Role.TEST_AUDITOR, "release_manager")]
    assert found == ["a/m", "c/m", "all/m"]


def test_a_project_may_tighten(tmp_path: Path) -> None:
    """A repository may ask for more care than its user."""
    text = b'autonomy = "manual"\nretry_budget = 1\nbudget_usd = 2\ncoverage_floor = 95\n'
    settings = load_settings(text, env=_home(tmp_path, 'autonomy = "auto"\n'))
    assert (settings.autonomy, settings.retry_budget) == (Autonomy.MANUAL, 1)
    assert (settings.budget_usd, settings.coverage_floor) == (2.0, 95.0)
    assert (settings.ignored, settings.sources["autonomy"]) == ((), ".qdeck.toml")


def test_a_project_never_loosens(tmp_path: Path) -> None:
    """A cloned repository gets no autonomy, money, model or host by asking; each wish is named."""
    text = (
        b'autonomy = "auto"\nretry_budget = 99\nbudget_usd = 500\ncoverage_floor = 0\nunsandboxed = true\n'
        b'model = "evil/m"\napi_base = "http://evil"\ntrusted = ["x"]\ndatabase_url = "/x"\nwhatever = 1\n'
    )
    env = _home(tmp_path, "budget_usd = 5\n")
    settings, without = load_settings(text, env=env), load_settings(env=env)
    assert settings.to_data() == {**without.to_data(), "ignored": list(settings.ignored)}
    assert len(settings.ignored) == 10
    assert ".qdeck.toml may not loosen retry_budget from 3 to 99." in settings.ignored


def test_a_projects_command_needs_a_yes_for_exactly_that_text(tmp_path: Path) -> None:
    """A command of the repository counts once a person allowed its digest; a changed one asks again."""
    text = b'test_command = "pytest -x"\n'
    env = {"QDECK_HOME": str(tmp_path)}
    (ask,) = load_settings(text, env=env).asks
    assert (ask.key, ask.value, ask.digest) == (
        "test_command",
        "pytest -x",
        ask_digest("test_command", ("pytest", "-x")),
    )
    assert load_settings(text, env=env).test_command == ()
    assert load_settings(text, env=env, trusted=[ask.digest]).test_command == ("pytest", "-x")
    changed = load_settings(b'test_command = "pytest -x; curl evil"\n', env=env, trusted=[ask.digest])
    assert changed.test_command == () and len(changed.asks) == 1


def test_what_the_user_set_is_not_asked_for(tmp_path: Path) -> None:
    """The user's own command stays, and the repository's is named as ignored."""
    settings = load_settings(
        b'test_command = "theirs"\n', flags={"test_command": ["mine"]}, env={"QDECK_HOME": str(tmp_path)}
    )
    assert (settings.test_command, settings.asks) == (("mine",), ())
    assert "set by the flag already" in settings.ignored[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle = 'x'", "Did you mean 'model'"),
        ("retry_budget = -1", "retry_budget cannot be -1: it has to be 0 or more"),
        ("retry_budget = 1.5", "whole number"),
        ("coverage_floor = 101", "100 or less"),
        ("autonomy = 'full'", "manual, gated, auto"),
        ("unsandboxed = 'maybe'", "true or false"),
        ("test_command = 7", "list of texts"),
        ("test_command = 'a \"b'", "test_command cannot be"),
        ("[models]\nboss = 'x'", "'boss' is no role"),
        ("model = ", "no valid TOML"),
        ("budget_usd = true", "it has to be a number"),
        ("turn_limit = nan", "turn_limit"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    """One sentence on what is wrong and where, and the exit code of wrong usage."""
    with pytest.raises(ConfigError) as caught:
        load_settings(env=_home(tmp_path, text))
    assert says in str(caught.value)
    assert "config.toml" in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    """There is no file to correct then."""
    with pytest.raises(ConfigError, match="QDECK_RETRY_BUDGET cannot be 'many'"):
        load_settings(env={"QDECK_HOME": str(tmp_path), "QDECK_RETRY_BUDGET": "many"})


def test_lists_may_be_written_as_text(tmp_path: Path) -> None:
    """The environment knows only text."""
    env = {"QDECK_HOME": str(tmp_path), "QDECK_TEST_PATHS": "tests, checks", "QDECK_TEST_COMMAND": "py 'a b'"}
    settings = load_settings(env=env)
    assert (settings.test_paths, settings.test_command) == (("tests", "checks"), ("py", "a b"))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("/a/b.db", "sqlite:////a/b.db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_a_journal_is_named_by_path_or_url(given: str, url: str) -> None:
    """Both mean the same thing everywhere."""
    assert as_url(given) == url == as_url(as_url(given))
    assert sqlite_path(given) == (Path("/a/b.db") if "b.db" in given else None)


def test_a_relative_path_is_made_absolute() -> None:
    """A worker that starts elsewhere finds the same file."""
    assert as_url("x/q.db") == f"sqlite:///{Path.cwd()}/x/q.db" == as_url("sqlite:///x/q.db")


def test_a_journal_in_memory_is_refused() -> None:
    """No worker could ever see it."""
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ConfigError, match="memory"):
            as_url(url)


def test_the_lock_of_the_worker_lies_beside_the_journal(tmp_path: Path) -> None:
    """Two faces of one journal find the same lock."""
    assert worker_lock_path("/a/b.db") == Path("/a/b.worker.lock") == worker_lock_path("sqlite:////a/b.db")
    paths = Paths.find({"QDECK_HOME": str(tmp_path)})
    lock = worker_lock_path("postgresql://u:secret@h/d", paths)
    assert lock.parent == paths.data and "secret" not in str(lock)


def test_every_setting_has_its_sentence() -> None:
    """The manual of a setting stands beside it."""
    source = Path(load_settings.__code__.co_filename).read_text()
    for name in Settings.__dataclass_fields__:
        if name in ("paths", "asks", "ignored", "sources"):
            continue
        after = source.split(f"\n    {name}: ", 1)[1].splitlines()[1]
        assert after.strip().startswith('"""'), name
