"""Independent judges of what we say to Jira and what the stand-in answers.

The vendors' OpenAPI documents (Jira Cloud platform, REST v3; PagerDuty, Events v2) lie beside the repository in
`shared/specs`, since they are not ours to ship. The rules of the Atlassian Document Format stand in `adf_rules`, in
our words.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from integrations.standins.common import Exchange
from tests.contract import adf_rules

HERE = Path(__file__).parent
SPECIFICATION = HERE.parents[2] / "shared" / "specs" / "jira-cloud-v3.openapi.json"
SERVER = "https://your-domain.atlassian.net"
PAGERDUTY = HERE.parents[2] / "shared" / "specs" / "pagerduty-events-v2.openapi.json"
PAGERDUTY_SERVER = "https://events.pagerduty.com"

CLIENT_DEVIATIONS: dict[str, str] = {}
"""Requests of ours that the document forbids and Jira accepts: "METHOD path" -> why. The three that the
`jira` library is known for (a transition id as a number, nulls in a search body, no createmeta on Cloud) are
all avoided.
"""

UNDOCUMENTED_ANSWERS = {429: "rate limit", 500: "server error", 504: "gateway timeout"}
"""Statuses that Jira is known to answer and the document leaves out."""

UNDOCUMENTED_INTERFACE = "/rest/agile/"
"""Boards and sprints: the vendor describes them in another document, which we do not have."""

ANSWERED_WITH_NOTHING = ("POST /rest/api/3/issueLink",)
"""Besides those that answer 204."""

ADF = jsonschema.Draft202012Validator(adf_rules.SCHEMA)


class Oracle:
    """A vendor's document. Loaded once a session."""

    def __init__(self, specification: Path = SPECIFICATION, server: str = SERVER) -> None:
        self._server = server
        document = json.loads(specification.read_text(encoding="utf-8"))
        config = Config(
            spec_validator_cls=None,  # we judge calls, not the document
            # Jira writes +0000 for an offset, which RFC 3339 does not know.
            extra_format_validators={"date-time": lambda value: True},
        )
        self._openapi = OpenAPI.from_dict(document, config=config)

    def problems(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request or its answer; empty when the document allows both."""
        if exchange.path.startswith(UNDOCUMENTED_INTERFACE):
            return []
        request = MockRequest(
            self._server,
            exchange.method,
            exchange.path,
            args=parse_qsl(exchange.query, keep_blank_values=True),  # type: ignore[arg-type]
            headers=exchange.headers,
            data=exchange.body,
            content_type=exchange.headers.get("content-type", ""),
        )
        call = f"{exchange.method} {exchange.path}"
        found = []
        if call not in CLIENT_DEVIATIONS:
            found += _told(f"request {call}", self._openapi.validate_request, request)
        # The document gives a form to answers that it says have no body.
        empty = exchange.status == 204 or call in ANSWERED_WITH_NOTHING
        if exchange.status and exchange.status not in UNDOCUMENTED_ANSWERS and not (empty and not exchange.answer):
            answer = MockResponse(
                exchange.answer,
                exchange.status,
                headers=exchange.answer_headers,
                content_type=exchange.answer_headers.get("content-type", "application/json"),
            )
            found += _told(f"answer {exchange.status} to {call}", self._openapi.validate_response, request, answer)
        return found


def adf_problems(exchange: Exchange) -> list[str]:
    """What the published schema says against the documents in a request's fields."""
    if exchange.path != "/rest/api/3/issue" or exchange.status != 201:
        return []
    fields: dict[str, Any] = json.loads(exchange.body)["fields"]
    documents = [fields[name] for name in ("description", "environment") if name in fields]
    return [error.message for document in documents for error in ADF.iter_errors(document)]


def _told(what: str, judge: Any, *arguments: Any) -> list[str]:
    try:
        judge(*arguments)
    except OpenAPIError as error:
        return [f"{what}: {error} {error.__cause__ or ''}"]
    return []
