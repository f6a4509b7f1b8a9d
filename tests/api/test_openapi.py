"""The API is what its OpenAPI says: every command is in it, with an example, and no answer is other than described."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, name_of
from domain.core.enums import Role
from domain.incident.aggregate import INCIDENT
from domain.ticket.aggregate import TICKET
from services.examples import DECLARE_EXAMPLE, EXAMPLES, OPEN_EXAMPLE
from services.intake.declaration import DeclareRequest
from services.intake.request import OpenRequest
from services.security.auth import GRANTABLE
from tests.support.endpoints import APP
from tests.support.scale import SCALE
from tests.support.served_api import Api
from tests.support.waiting import PATIENCE

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
SCHEMA = APP.openapi()
OPERATIONS: list[APIOperation] = [found.ok() for found in schemathesis.openapi.from_dict(SCHEMA).get_all_operations()]
TRIES = 5 * SCALE
"""Requests for each operation and mode; the same in each run. TEST_SCALE multiplies them."""


@pytest.fixture(scope="module")
async def there(api: Api) -> dict[str, str]:
    """A ticket and an incident that there are, by the names that addresses have for them."""
    declared = await api.post("/api/v1/incidents", {"product_area": "OpenAPI"})
    return {"ticket": await api.open(), "incident": str(declared.json()["incident"])}


Sender = tuple[Role | None, list[Any]]
"""Whose token a request carries, or nobody's, and what its answer is checked for."""
OTHERS: list[Sender] = [(role, CHECKS) for role in (*(role for role in GRANTABLE if role is not Role.ADMIN), None)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
        for operation in OPERATIONS
        for mode in GenerationMode
        if (operation.label, mode) != ("GET /livez", GenerationMode.NEGATIVE)  # it takes nothing: nothing can be wrong
    ],
)
async def test_no_request_gets_an_answer_that_is_not_described(
    api: Api, there: dict[str, str], operation: APIOperation, mode: GenerationMode
) -> None:
    """Requests that fit the description, and ones that break it somewhere, made from the description itself. Fewer of
    them are sent by every other role, and by whoever has no token."""
    named = {name: id for name, id in there.items() if f"{{{name}}}" in operation.path}
    fixed = named if mode is GenerationMode.POSITIVE and named else None
    cases = operation.as_strategy(mode, path_parameters=fixed)
    admin: Sender = (Role.ADMIN, [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS)

    await asyncio.to_thread(asking(api, cases, [admin], TRIES))
    await asyncio.to_thread(asking(api, cases, OTHERS, SCALE))


def asking(api: Api, cases: Any, senders: list[Sender], tries: int) -> Callable[[], None]:
    """Sends so many requests of an operation, the same in each run and from each sender, and checks their answers."""

    @settings(
        max_examples=tries, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def ask(case: Any) -> None:
        for role, checks in senders:
            headers = {"Authorization": f"Bearer {api.tokens[role]}"} if role else {}
            case.call_and_validate(base_url=api.url, headers=headers, checks=checks, timeout=PATIENCE)

    return cast(Callable[[], None], ask)


def test_every_operation_that_can_fail_says_how_a_bug_of_ours_looks() -> None:
    for path, operations in SCHEMA["paths"].items():
        for operation in operations.values():
            assert path == "/livez" or "application/problem+json" in operation["responses"]["500"]["content"], path


COMMANDS = [(aggregate, kind) for aggregate in (TICKET, INCIDENT) for kind in aggregate.offered.values()]


@pytest.mark.parametrize(
    ("aggregate", "kind"), COMMANDS, ids=lambda part: part.__name__ if isinstance(part, type) else part.noun
)
def test_every_command_of_the_core_is_described_with_its_own_words_and_an_example(
    aggregate: Aggregate[Any], kind: type[Command]
) -> None:
    name, noun = name_of(kind), aggregate.noun
    operation = SCHEMA["paths"][f"/api/v1/{noun}s/{{{noun}}}/{name}"]["post"]
    assert operation["description"].startswith((kind.__doc__ or "").strip())
    body = SCHEMA["components"]["schemas"][f"{'Incident' if noun == 'incident' else ''}{kind.__name__}Body"]
    hidden = {"do", "role", "id", "received", "terms", "edited", "unread", "survey"}
    example = EXAMPLES[noun][name]
    assert body["examples"] == [{field: value for field, value in example.items() if field not in hidden}]
    assert set(body["properties"]) == set(kind.model_fields) - hidden
    assert all(said.get("description") for said in body["properties"].values())
    command = aggregate.parse(example, name)
    assert command.role in kind.who


def test_every_command_has_an_example_and_no_other() -> None:
    for aggregate in (TICKET, INCIDENT):
        assert list(EXAMPLES[aggregate.noun]) == list(aggregate.offered)


def test_the_form_is_described_with_an_example() -> None:
    body = SCHEMA["components"]["schemas"]["OpenBody"]
    assert body["examples"] == [OPEN_EXAMPLE]
    assert set(body["properties"]) == set(OpenRequest.model_fields) - {"role", "unread"}
    assert all(said.get("description") for said in body["properties"].values())
    OpenRequest.parse(OPEN_EXAMPLE)


def test_a_declaration_is_described_with_an_example() -> None:
    body = SCHEMA["components"]["schemas"]["DeclareBody"]
    assert body["examples"] == [DECLARE_EXAMPLE]
    assert set(body["properties"]) == set(DeclareRequest.model_fields) - {"role"}
    assert all(said.get("description") for said in body["properties"].values())
    DeclareRequest.parse(DECLARE_EXAMPLE)


def test_it_names_the_server_at_which_it_is_read() -> None:
    """A generator of clients, or a page that tries requests, takes the address from there."""
    assert [server["url"] for server in SCHEMA["servers"]] == ["/"]
