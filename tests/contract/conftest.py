"""Stand-ins on free ports, once a session; every test starts without faults and uses keys of its own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count

import pytest

from domain.core.enums import Priority
from domain.documents.document import Document, heading, paragraph
from integrations.jira.client import JiraClient
from integrations.standins.common import Exchange
from integrations.standins.run import Control, Running, jira_config, running
from integrations.tracker.port import IssueDraft
from tests.support.oracle import (
    DOCUMENT_FORMAT,
    PAGERDUTY,
    PAGERDUTY_SERVER,
    SPECIFICATION,
    DocumentFormat,
    Oracle,
    judged,
)

Drafting = Callable[..., IssueDraft]

_numbers = count(1)


@pytest.fixture(scope="session")
def exchanges() -> list[Exchange]:
    """Everything said on Jira's interface in this session."""
    return []


@pytest.fixture(scope="session")
def oracle() -> Oracle | None:
    return Oracle() if SPECIFICATION.exists() else None


@pytest.fixture(scope="session")
def document_format() -> DocumentFormat | None:
    return DocumentFormat() if DOCUMENT_FORMAT.exists() else None


@pytest.fixture(scope="session")
def pages() -> list[Exchange]:
    """Everything said on the pager's interface in this session."""
    return []


@pytest.fixture(scope="session")
def pager_oracle() -> Oracle | None:
    return Oracle(PAGERDUTY, PAGERDUTY_SERVER) if PAGERDUTY.exists() else None


@pytest.fixture(scope="session")
def all_standins(exchanges: list[Exchange], pages: list[Exchange]) -> Iterator[Running]:
    with running(observe_jira=exchanges.append, observe_pager=pages.append) as standins:
        yield standins


@pytest.fixture
def standins(all_standins: Running) -> Running:
    """The stand-ins, without a fault that an earlier test has set."""
    for standin in (all_standins.jira, all_standins.pager, all_standins.chat):
        standin.clear()
    return all_standins


@pytest.fixture
def server(
    standins: Running, exchanges: list[Exchange], oracle: Oracle | None, document_format: DocumentFormat | None
) -> Iterator[Control]:
    """The Jira stand-in. When the test is over, all that was said is put before the judges."""
    already = len(exchanges)
    yield standins.jira
    judged(
        exchanges[already:],
        [
            (DOCUMENT_FORMAT, document_format and document_format.problems),
            (SPECIFICATION, oracle and oracle.problems),
        ],
    )


@pytest.fixture
def jira(server: Control) -> Iterator[JiraClient]:
    with closing(JiraClient(jira_config(server.url))) as client:
        yield client


@pytest.fixture
def draft() -> Drafting:
    """Makes drafts with keys that no other test uses."""

    def make(**changes: object) -> IssueDraft:
        values: dict[str, object] = {
            "key": f"ticket-T{next(_numbers)}:jira_bug:17",
            "kind": "bug",
            "summary": "[P2] Dashboard: saving fails (ticket 7K2M)",
            "description": Document(blocks=(heading("What happens"), paragraph("Saving answers 500."))),
            "priority": Priority.P2,
            "labels": ("support-escalation",),
            "environment": "Web app 2026.11.2, Chrome 142",
        }
        return IssueDraft.model_validate(values | changes)

    return make


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nobody listens, nor will while the test lasts: it is taken."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        yield port
