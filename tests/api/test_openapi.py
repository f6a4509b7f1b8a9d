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

from api.app import create_app
from api.bodies import DECLARE_EXAMPLE, EXAMPLES, INCIDENT_EXAMPLES, OPEN_EXAMPLE
from api.parts import Parts
from domain.aggregate.command import parse
from domain.core.enums import Role
from domain.incident import commands as ic
from domain.ticket import commands as c
from services.incidents import DeclareRequest
from services.intake.request import OpenRequest
from services.security.auth import GRANTABLE
from tests.api.conftest import Api

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
NOTHING = cast(Any, None)
SCHEMA = create_app(
    Parts(db=NOTHING, client=NOTHING, desk=NOTHING, incidents=NOTHING, deliveries=NOTHING, policy="none")
).openapi()
OPERATIONS: list[APIOperation] = [found.ok() for found in schemathesis.openapi.from_dict(SCHEMA).get_all_operations()]
TRIES = 8
"""Requests for each operation and mode; the same in each run."""


@pytest.fixture(scope="module")
async def there(api: Api) -> dict[str, str]:
    """A ticket and an incident that there are, by the names that addresses have for them."""
    declared = await api.post("/api/v1/incidents", {"product_area": "OpenAPI"})
    return {"ticket": await api.open(), "incident": str(declared.json()["incident"])}


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
    """Requests that fit the description, and ones that break it somewhere, made from the description itself."""
    named = {name: id for name, id in there.items() if f"{{{name}}}" in operation.path}
    fixed = named if mode is GenerationMode.POSITIVE and named else None
    headers = {"Authorization": f"Bearer {api.tokens[Role.ADMIN]}"}
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS

    cases = operation.as_strategy(mode, path_parameters=fixed)
    await asyncio.to_thread(asking(api, cases, headers, checks, TRIES))


def asking(api: Api, cases: Any, headers: dict[str, str], checks: list[Any], tries: int) -> Callable[[], None]:
    """Sends so many requests of an operation, the same in each run, and checks their answers."""

    @settings(
        max_examples=tries, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=api.url, headers=headers, checks=checks)

    return cast(Callable[[], None], ask)


@pytest.mark.parametrize("role", [*(role for role in GRANTABLE if role is not Role.ADMIN), None])
async def test_no_role_gets_an_answer_that_is_not_described(api: Api, there: dict[str, str], role: Role | None) -> None:
    """The same for everybody else, and for whoever has no token: fewer requests, to every operation."""
    headers = {"Authorization": f"Bearer {api.tokens[role]}"} if role else {}

    def ask_all() -> None:
        for operation in OPERATIONS:
            named = {name: id for name, id in there.items() if f"{{{name}}}" in operation.path}
            for mode in GenerationMode:
                if (operation.label, mode) != ("GET /livez", GenerationMode.NEGATIVE):
                    fixed = named if mode is GenerationMode.POSITIVE and named else None
                    asking(api, operation.as_strategy(mode, path_parameters=fixed), headers, CHECKS, 2)()

    await asyncio.to_thread(ask_all)


def test_every_operation_that_can_fail_says_how_a_bug_of_ours_looks() -> None:
    for path, operations in SCHEMA["paths"].items():
        for operation in operations.values():
            assert path == "/livez" or "application/problem+json" in operation["responses"]["500"]["content"], path


TICKETS = [(kind, "/api/v1/tickets/{ticket}", "", EXAMPLES, c.BY_NAME) for kind in c.UPDATES]
INCIDENTS = [(kind, "/api/v1/incidents/{incident}", "Incident", INCIDENT_EXAMPLES, ic.BY_NAME) for kind in ic.UPDATES]


@pytest.mark.parametrize(
    ("kind", "path", "prefix", "examples", "known"),
    TICKETS + INCIDENTS,
    ids=lambda part: part.__name__ if isinstance(part, type) else "",
)
def test_every_command_of_the_core_is_described_with_its_own_words_and_an_example(
    kind: type[c.Command], path: str, prefix: str, examples: dict[str, Any], known: dict[str, Any]
) -> None:
    name = kind.model_fields["do"].default
    operation = SCHEMA["paths"][f"{path}/{name}"]["post"]
    assert operation["description"].startswith((kind.__doc__ or "").strip())
    body = SCHEMA["components"]["schemas"][f"{prefix}{kind.__name__}Body"]
    assert body["examples"] == [examples[name]]
    hidden = {"do", "role", "id", "received", "terms"}
    assert set(body["properties"]) == set(kind.model_fields) - hidden
    assert all(said.get("description") for said in body["properties"].values())
    parse(examples[name], name, known)


def test_there_is_no_example_without_its_command() -> None:
    assert set(EXAMPLES) == {kind.model_fields["do"].default for kind in c.UPDATES}
    assert set(INCIDENT_EXAMPLES) == {kind.model_fields["do"].default for kind in ic.UPDATES}


def test_the_form_is_described_with_an_example() -> None:
    body = SCHEMA["components"]["schemas"]["OpenBody"]
    assert body["examples"] == [OPEN_EXAMPLE]
    assert set(body["properties"]) == set(OpenRequest.model_fields) - {"role"}
    assert all(said.get("description") for said in body["properties"].values())
    OpenRequest.parse(OPEN_EXAMPLE)


def test_a_declaration_is_described_with_an_example() -> None:
    body = SCHEMA["components"]["schemas"]["DeclareBody"]
    assert body["examples"] == [DECLARE_EXAMPLE]
    assert set(body["properties"]) == set(DeclareRequest.model_fields) - {"role"}
    assert all(said.get("description") for said in body["properties"].values())
    DeclareRequest.parse(DECLARE_EXAMPLE)
