"""The identity provider: built from the settings, and told in one line where they are of no use."""

from typing import Any

import pytest

from workers.bootstrap import openid
from workers.settings import SettingsError, load_settings

SECRET = "a-secret-of-the-client"
WHOLE = {
    "OPENID_ISSUER": "https://id.example.com/",
    "OPENID_CLIENT_ID": "tierline",
    "OPENID_CLIENT_SECRET": SECRET,
    "OPENID_ROLES": '{"support": "agent"}',
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_without_an_issuer_people_sign_in_by_tokens_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert openid(load_settings()) is None
    given(monkeypatch, **WHOLE)
    found = openid(load_settings())
    assert found is not None
    assert found.host == "id.example.com"


@pytest.mark.parametrize("missing", ["OPENID_CLIENT_ID", "OPENID_CLIENT_SECRET", "OPENID_ROLES"])
def test_a_provider_is_set_up_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    given(monkeypatch, **WHOLE | {missing: ""})
    with pytest.raises(SettingsError, match=f"OPENID_ISSUER is set without {missing}"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENID_ISSUER", "http://id.example.com"),
        ("OPENID_ISSUER", "https://id.example.com/?tenant=1"),
        ("OPENID_SCOPES", "profile email"),
        ("OPENID_ROLES", "support=agent"),
        ("OPENID_ROLES", "{}"),
        ("OPENID_ROLES", '{"support": "boss"}'),
        ("OPENID_ROLES", '{"programs": "integration"}'),
        ("OPENID_ROLES", '{"everybody": "system"}'),
    ],
)
def test_what_is_of_no_use_is_told_in_one_line_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    given(monkeypatch, **WHOLE | {name: value})
    with pytest.raises(SettingsError) as refused:
        openid(load_settings())
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value) + repr(load_settings())
