"""What docs/api.md says is so."""

import re
import shlex

import pytest

from api.body_limits import MOST_BYTES
from api.problems import STATUS
from domain.core.enums import Role
from domain.incident.commands import UPDATES
from tests.support.endpoints import ALL
from tests.support.root import ROOT
from tests.support.served_api import Api

PAGE = (ROOT / "docs" / "api.md").read_text()


async def test_the_first_calls_print_what_the_page_shows(api: Api) -> None:
    section = PAGE.partition("## Five minutes to the first call")[2].partition("\n## ")[0]
    ada = api.token(Role.AGENT, name="ada")
    lines = [line for block in re.findall(r"^```\n(.*?)^```", section, re.M | re.S) for line in block.splitlines()]
    asked = 0
    for line, shown in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("api "):
            continue
        asked += 1
        _, method, path, *body = shlex.split(line)
        headers = {"Content-Type": "application/json"}
        response = await api.ask(method, f"/api/v1{path}", token=ada, data=body[0] if body else None, headers=headers)
        assert response.status_code < 500
        if shown.startswith("{"):
            begin, _, end = shown.partition(" ... ")
            assert response.text.startswith(begin)
            assert end in response.text
    assert asked == 4


def test_every_code_stands_on_the_page_with_its_status() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (\d{3}) \|", PAGE, re.M)
    said = {code: int(status) for codes, status in rows for code in re.findall(r"\w+", codes)}
    assert said | {"unknown_command": 404} == STATUS


@pytest.mark.parametrize("path", sorted({one.path for one in ALL}))
def test_every_address_stands_on_the_page(path: str) -> None:
    general = re.sub(
        r"/(tickets/\{ticket\}|incidents/\{incident\})/(?!timeline|clocks|texts)\w+", r"/\1/{command}", path
    )
    assert general.replace("/api/v1/accounts/{account}", "/accounts/{id}") in PAGE


def test_every_command_of_an_incident_stands_on_the_page() -> None:
    section = PAGE.partition("\n## Incidents\n")[2].partition("\n## ")[0]
    told = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", section, re.M)))
    assert sorted(told) == sorted(kind.model_fields["do"].default for kind in UPDATES)


def test_the_limits_are_those_of_the_page() -> None:
    assert f"more than {MOST_BYTES // 1024 // 1024} MiB" in PAGE
