"""The webhooks of the Jira stand-in, as Jira sends them: signed, sent again, and unreliable on request."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.jira.client import JiraClient
from integrations.jira.webhook import BadSignature, JiraHint, hint
from integrations.standins.jira_state import ENGINEERS, US
from integrations.standins.run import Control, served
from integrations.tracker.port import IssueRef
from tests.support.jira_side import engineer
from tests.support.waiting import wait_until

from .conftest import Drafting

SECRET = "the secret of this webhook"


class Receiver:
    """Whoever Jira tells. It answers 202, or as it is told to."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.app = Starlette(routes=[Route("/webhooks/jira", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body, status = await request.body(), self.answers.pop(0) if self.answers else 202
        self.came.append(({name.lower(): value for name, value in request.headers.items()}, body))
        return Response(status_code=status)

    def until(self, number: int) -> list[tuple[dict[str, str], bytes]]:
        """All that came, once it is so much."""
        wait_until(lambda: len(self.came) >= number)
        return self.came

    def hints(self, number: int) -> list[JiraHint | None]:
        """What came, as we read it."""
        return [hint([SecretStr(SECRET)], headers, body, datetime.now(UTC)) for headers, body in self.until(number)]


@pytest.fixture
def receiver(server: Control) -> Iterator[Receiver]:
    found = Receiver()
    with served(found.app) as url:
        server.subscribe(f"{url}/webhooks/jira", SECRET)
        yield found


@pytest.fixture
def issue(server: Control, jira: JiraClient, draft: Drafting, receiver: Receiver) -> IssueRef:
    """A new issue, of whose making nothing more is to be told."""
    ref = jira.create(draft())
    until_answered(server, ref, 1)
    receiver.came.clear()
    return ref


def until_answered(server: Control, issue: IssueRef, number: int) -> list[dict[str, Any]]:
    """All that was told of an issue, once it is so much and Jira knows how the receiver took it."""

    def answered() -> list[dict[str, Any]] | None:
        told = [sent for sent in server.see("webhooks")["webhooks"] if sent["key"] == issue.key]
        return told if sum(bool(sent["status"] or sent["lost"]) for sent in told) >= number else None

    found: list[dict[str, Any]] = wait_until(answered)
    return found


Act = Callable[[IssueRef], None]


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (lambda ref: engineer(ref, to="Done"), "jira:issue_updated"),
        (lambda ref: engineer(ref, project="WEB"), "jira:issue_updated"),
        (lambda ref: engineer(ref, comment="Soon.", support="1"), "comment_created"),
        (lambda ref: engineer(ref, delete="1"), "jira:issue_deleted"),
    ],
)
def test_what_an_engineer_does_is_told_and_proven(issue: IssueRef, receiver: Receiver, act: Act, event: str) -> None:
    act(issue)

    (found,) = receiver.hints(1)

    assert found is not None
    assert (found.event, found.issue, found.by) == (event, issue.id, ENGINEERS[0].id)


def test_what_we_do_ourselves_is_told_as_ours(jira: JiraClient, issue: IssueRef, receiver: Receiver) -> None:
    jira.link_back(issue.key, "tierline:ticket-7k2m", "https://tickets.example.com/7k2m", "Ticket 7k2m")

    (found,) = receiver.hints(1)

    assert found is not None
    assert found.by == US.id == jira.account()


def test_what_is_not_taken_is_sent_again_under_the_same_identifier(issue: IssueRef, receiver: Receiver) -> None:
    receiver.answers = [503, 429]
    engineer(issue, to="Done")

    came = receiver.until(3)

    assert len({headers["x-atlassian-webhook-identifier"] for headers, _ in came}) == 1
    assert [headers.get("x-atlassian-webhook-retry") for headers, _ in came] == [None, "1", "2"]
    assert len({body for _, body in came}) == 1


def test_what_is_refused_is_not_sent_again(server: Control, issue: IssueRef, receiver: Receiver) -> None:
    receiver.answers = [401]
    engineer(issue, to="In Progress")
    engineer(issue, to="Done")

    told = until_answered(server, issue, 3)  # the first is its making

    assert [(sent["tries"], sent["status"]) for sent in told[1:]] == [(1, 401), (1, 202)]


def test_five_copies_have_one_identifier(server: Control, issue: IssueRef, receiver: Receiver) -> None:
    server.fault("webhook_repeated", times=1)
    engineer(issue, to="Done")

    assert len({found.id for found in receiver.hints(5) if found}) == 1


def test_in_reverse_the_last_comes_first_when_all_have_come(
    server: Control, issue: IssueRef, receiver: Receiver
) -> None:
    server.fault("webhook_reversed")
    engineer(issue, to="In Progress")
    engineer(issue, comment="Found it.")
    assert receiver.came == []
    server.clear()

    assert [found.event for found in receiver.hints(2) if found] == ["comment_created", "jira:issue_updated"]


def test_whoever_subscribes_is_told_of_what_happens_from_then_on(
    server: Control, issue: IssueRef, receiver: Receiver
) -> None:
    receiver.answers = [503] * 5  # the first of three is still being tried when the other subscribes
    for _ in range(3):
        engineer(issue, comment="Looking.")
    receiver.until(1)
    later = Receiver()
    with served(later.app) as url:
        server.subscribe(f"{url}/webhooks/jira", SECRET)

        engineer(issue, to="Done")

        (found,) = later.hints(1)
    assert found is not None
    assert found.event == "jira:issue_updated"


def test_what_is_lost_does_not_come(server: Control, issue: IssueRef, receiver: Receiver) -> None:
    server.fault("webhook_lost", times=1)
    engineer(issue, to="In Progress")
    engineer(issue, comment="Found it.")

    assert [found.event for found in receiver.hints(1) if found] == ["comment_created"]
    assert [sent["lost"] for sent in until_answered(server, issue, 3)[1:]] == [True, False]


def test_what_is_forged_is_found_out(server: Control, issue: IssueRef, receiver: Receiver) -> None:
    server.fault("webhook_forged", times=1)
    engineer(issue, to="Done")

    with pytest.raises(BadSignature):
        receiver.hints(1)
