"""Independent judges of what we say to Jira and PagerDuty, and of what the stand-ins answer.

The vendors' documents (OpenAPI of Jira Cloud's platform, REST v3, and of PagerDuty's Events v2; the JSON schema of the
Atlassian Document Format) lie beside the repository in `shared/specs`, since they are not ours to ship. Where one is
missing, what it would judge is skipped, and the test run says so with the reason: see `judged`.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from integrations.standins.common import Exchange
from tests.support.root import ROOT

SPECIFICATION = ROOT.parent / "shared" / "specs" / "jira-cloud-v3.openapi.json"
SERVER = "https://your-domain.atlassian.net"
PAGERDUTY = ROOT.parent / "shared" / "specs" / "pagerduty-events-v2.openapi.json"
PAGERDUTY_SERVER = "https://events.pagerduty.com"
DOCUMENT_FORMAT = ROOT.parent / "shared" / "specs" / "adf-full-v1.schema.json"

CLIENT_DEVIATIONS: dict[str, str] = {}
"""Requests of ours that the document forbids and Jira accepts: "METHOD path" -> why. The three that the
`jira` library is known for (a transition id as a number, nulls in a search body, no createmeta on Cloud) are
all avoided.
"""

UNDOCUMENTED_ANSWERS = {409: "conflict", 429: "rate limit", 500: "server error", 504: "gateway timeout"}
"""Statuses that Jira is known to answer and the document leaves out."""

UNDOCUMENTED_INTERFACES = ("/rest/agile/", "/rest/api/3/attachment/")
"""Boards and sprints, which the vendor describes in another document, and what our copy of the document leaves out."""

FORMS = re.compile(r"/rest/api/3/issue/[^/]+/attachments")
"""What is posted as a form. The document describes the server's own object for a file, and no form."""

ANSWERED_WITH_NOTHING = ("POST /rest/api/3/issueLink",)
"""Besides those that answer 204."""

COMMENT = re.compile(r"/rest/api/3/issue/[^/]+/comment(/[0-9]+)?")


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
        if exchange.path.startswith(UNDOCUMENTED_INTERFACES):
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
        if call not in CLIENT_DEVIATIONS and not FORMS.fullmatch(exchange.path):
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


class DocumentFormat:
    """The vendor's schema of its documents. Loaded once a session."""

    def __init__(self) -> None:
        self._schema = jsonschema.Draft4Validator(json.loads(DOCUMENT_FORMAT.read_text(encoding="utf-8")))

    def problems_of(self, document: object) -> list[str]:
        """What the schema says against a document."""
        return [error.message for error in self._schema.iter_errors(document)]

    def problems(self, exchange: Exchange) -> list[str]:
        """What it says against the documents of a request that the stand-in has taken, on every endpoint."""
        if exchange.status not in (200, 201):
            return []
        documents = list(_documents(exchange))
        return [f"{exchange.method} {exchange.path}: {said}" for one in documents for said in self.problems_of(one)]


def _documents(exchange: Exchange) -> Iterable[object]:
    if exchange.method == "POST" and exchange.path == "/rest/api/3/issue":
        fields: dict[str, Any] = json.loads(exchange.body)["fields"]
        yield from (fields[name] for name in ("description", "environment") if name in fields)
    elif exchange.method in ("POST", "PUT") and COMMENT.fullmatch(exchange.path):
        yield json.loads(exchange.body)["body"]


def judged(said: Iterable[Exchange], judges: Iterable[tuple[Path, Callable[[Exchange], list[str]] | None]]) -> None:
    """Put what was said before every judge: each a vendor's document, and how it judges; None where it is not there.

    Raises AssertionError for what a judge forbids. Where one is missing, the test is reported as skipped besides, once
    the others have judged: what nobody has looked at does not pass in silence.
    """
    exchanges, missing = list(said), []
    for document, problems in judges:
        if problems is None:
            missing.append(document.name)
        else:
            assert [problem for exchange in exchanges for problem in problems(exchange)] == []
    if missing:
        pytest.skip(f"not judged, since it is not beside the repository in shared/specs: {', '.join(missing)}")


def _told(what: str, judge: Any, *arguments: Any) -> list[str]:
    try:
        judge(*arguments)
    except OpenAPIError as error:
        return [f"{what}: {error} {error.__cause__ or ''}"]
    return []
