"""Settings: every variable is bounded, an error is one line that names it, and no secret is ever shown."""

from pathlib import Path

import pytest

from workers.run_file import AlreadyRunning, publish, read_running
from workers.settings import SettingsError, load_settings

SECRETS = {"JIRA_API_TOKEN": "jira-s3cret", "PAGER_ROUTING_KEY": "pager-s3cret", "NOTICE_SECRET": "notice-s3cret"}
WHOLE = SECRETS | {
    "DATABASE_URL": "postgresql://tierline:db-s3cret@db.example.com:5432/tierline",
    "JIRA_URL": "https://example.atlassian.net/",
    "JIRA_EMAIL": "robot@example.com",
    "PAGER_URL": "https://events.example.com",
    "NOTICE_URL": "http://127.0.0.1:9000/notices",
    "TEMPORAL_ADDRESS": "temporal.example.com:7233",
}


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_with_nothing_set_everything_is_embedded() -> None:
    settings = load_settings()
    assert settings.embeds_postgres
    assert settings.embeds_temporal
    assert settings.jira_url is None
    assert settings.pager_url is None
    assert (settings.jira_project, settings.home) == ("SUP", Path(".tierline"))


def test_with_everything_set_nothing_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **WHOLE)
    settings = load_settings()
    assert not settings.embeds_postgres
    assert not settings.embeds_temporal
    assert settings.jira_url == "https://example.atlassian.net"
    assert settings.jira_api_token is not None
    assert settings.jira_api_token.get_secret_value() == "jira-s3cret"


@pytest.mark.parametrize("variable", ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"])
def test_each_of_temporals_own_variables_makes_the_embedded_one_step_aside(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    given(monkeypatch, **{variable: "elsewhere"})
    assert not load_settings().embeds_temporal


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_postgres_address_is_given_the_driver_that_we_bring(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    given(monkeypatch, DATABASE_URL=f"{scheme}://u@h/d")
    assert load_settings().database_url == "postgresql+psycopg2://u@h/d"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://u@h/d"),
        ("DATABASE_URL", "no address"),
        ("JIRA_URL", "ftp://example.com"),
        ("JIRA_URL", "https://user:pw@example.com"),
        ("JIRA_URL", "https://"),
        ("PAGER_URL", "events.example.com"),
        ("NOTICE_URL", "https://example.com/?token=1"),
        ("NOTICE_URL", "https://example.com/" + "x" * 500),
        ("JIRA_PROJECT", "no spaces"),
        ("TIERLINE_JIRA_RATE", "0"),
        ("TIERLINE_JIRA_RATE", "fast"),
        ("TIERLINE_TEMPORAL_PORT", "70000"),
        ("TIERLINE_POLICY", "no-such-file.toml"),
    ],
)
def test_a_value_out_of_bounds_is_one_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    given(monkeypatch, **{variable: value})
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{variable}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value", "missing"),
    [
        ("JIRA_URL", "https://example.atlassian.net", "JIRA_EMAIL and JIRA_API_TOKEN"),
        ("PAGER_URL", "https://events.example.com", "PAGER_ROUTING_KEY"),
        ("SECOND_URL", "https://example.com/pages", "SECOND_SECRET"),
        ("NOTICE_URL", "https://example.com/notices", "NOTICE_SECRET"),
    ],
)
def test_an_outside_system_is_set_up_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, missing: str
) -> None:
    given(monkeypatch, **{variable: value})
    with pytest.raises(SettingsError, match=f"^{variable} is set without {missing}:"):
        load_settings()


def test_origins_that_may_frame_are_told_apart_and_spelt_as_browsers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, TIERLINE_DESK_FRAME_ANCESTORS="https://Example.zendesk.com, http://localhost:8080,")
    assert load_settings().desk_frame_ancestors == "https://example.zendesk.com http://localhost:8080"


@pytest.mark.parametrize(
    "origins",
    [
        "*", "https://*.zendesk.com", "https://a.com/path", "https://a.com;script-src *", "https://a.com https://b.com",
        "https://user@a.com", "example.zendesk.com", "'self'", "https://",
    ],
)  # fmt: skip
def test_what_is_no_origin_may_not_frame(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    given(monkeypatch, TIERLINE_DESK_FRAME_ANCESTORS=origins)
    with pytest.raises(SettingsError, match="TIERLINE_DESK_FRAME_ANCESTORS"):
        load_settings()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, DATABASE_URL="", JIRA_URL="", TIERLINE_JIRA_RATE="")
    assert load_settings().embeds_postgres


def test_no_secret_is_in_a_repr_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **WHOLE)
    assert "s3cret" not in repr(load_settings())
    given(monkeypatch, DATABASE_URL="mysql://u:db-s3cret@h/d", JIRA_URL="https://u:s3cret@h")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "s3cret" not in str(refused.value)


def test_a_command_in_another_terminal_finds_what_is_up(tmp_path: Path) -> None:
    home = tmp_path / ".tierline"
    with publish(home, {"DATABASE_URL": "postgresql://up@h/d", "TEMPORAL_ADDRESS": "127.0.0.1:1"}):
        settings = load_settings()
        assert settings.database_url == "postgresql+psycopg2://up@h/d"
        assert settings.temporal_address == "127.0.0.1:1"
        assert load_settings(attach=False).embeds_postgres
    assert load_settings().embeds_postgres


def test_what_the_environment_sets_wins_over_what_is_up_and_each_system_comes_from_one_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    up = SECRETS | {"JIRA_URL": "http://127.0.0.1:1", "JIRA_EMAIL": "up@localhost", "PAGER_URL": "http://127.0.0.1:2"}
    given(monkeypatch, JIRA_URL="https://mine.example.com", JIRA_EMAIL="me@example.com", JIRA_API_TOKEN="mine")
    with publish(tmp_path / ".tierline", up):
        settings = load_settings()
    assert settings.jira_url == "https://mine.example.com"
    assert settings.jira_api_token is not None
    assert settings.jira_api_token.get_secret_value() == "mine"
    assert settings.pager_url == "http://127.0.0.1:2"


def test_only_one_can_be_up_from_a_home(tmp_path: Path) -> None:
    with publish(tmp_path, {}), pytest.raises(AlreadyRunning, match="already up"), publish(tmp_path, {}):
        pass


def test_what_a_killed_one_has_left_does_not_count(tmp_path: Path) -> None:
    with publish(tmp_path, {"DATABASE_URL": "postgresql://up@h/d"}):
        left = (tmp_path / "run" / "up.json").read_text()
    (tmp_path / "run" / "up.json").write_text(left)
    assert read_running(tmp_path) == {}
