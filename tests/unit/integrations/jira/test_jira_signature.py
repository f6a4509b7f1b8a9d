"""What Jira's webhooks say: the signature over the raw body, the replay window, and which issue to look at."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.jira.webhook import NEWS, BadSignature, JiraHint, NotUnderstood, hint

SECRET = SecretStr("the secret of this webhook")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
IDENTIFIER = "3f1c1c3a"


def body(event: str = "jira:issue_updated", age: timedelta = timedelta(0), **more: Any) -> bytes:
    """As Jira sends it; `more` replaces what it says."""
    said: dict[str, Any] = {
        "timestamp": int((NOW - age).timestamp() * 1000),
        "webhookEvent": event,
        "user": {"accountId": "5b10a2841", "displayName": "Grace"},
        "issue": {"id": "10042", "key": "SUP-42", "fields": {"summary": "ada@example.com cannot log in"}},
    }
    return json.dumps(said | more).encode()


def signed(content: bytes, secret: SecretStr = SECRET, **headers: str) -> dict[str, str]:
    digest = hmac.digest(secret.get_secret_value().encode(), content, "sha256").hex()
    return {"x-hub-signature": f"sha256={digest}", "x-atlassian-webhook-identifier": IDENTIFIER} | headers


def heard(content: bytes, **headers: str) -> JiraHint | None:
    return hint([SECRET], signed(content, **headers), content, NOW)


def test_the_example_in_atlassians_documentation_is_genuine() -> None:
    """Secret, body and signature are the vendor's own: https://developer.atlassian.com/cloud/jira/platform/webhooks/
    (Secure admin webhooks). Such a body is no event, so what is genuine is not understood."""
    secret, said = SecretStr("It's a Secret to Everybody"), b"Hello World!"
    signature = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    with pytest.raises(NotUnderstood):
        hint([secret], {"x-hub-signature": signature}, said, NOW)
    for other in (signature.replace("a4", "a5"), signature.removeprefix("sha256="), "sha1=" + signature[7:]):
        with pytest.raises(BadSignature):
            hint([secret], {"x-hub-signature": other}, said, NOW)


@pytest.mark.parametrize("event", sorted(NEWS))
def test_it_says_which_issue_to_look_at_and_nothing_that_anybody_wrote(event: str) -> None:
    assert heard(body(event)) == JiraHint(
        id=digest(body(event)), event=event, issue="10042", key="SUP-42", by="5b10a2841"
    )


@pytest.mark.parametrize(
    "event", ["jira:issue_created", "issuelink_created", "worklog_updated", "sprint_started", None]
)
def test_what_is_nothing_to_a_ticket_is_passed_over(event: str | None) -> None:
    assert heard(body(webhookEvent=event)) is None


def test_whose_comment_it_is_says_who_edited_it_else_who_wrote_it() -> None:
    written = {"author": {"accountId": "ada"}}
    for comment, by in ((written, "ada"), (written | {"updateAuthor": {"accountId": "bob"}}, "bob"), ({}, "")):
        said = heard(body("comment_updated", comment=comment, user=None))
        assert said is not None
        assert said.by == by


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature": ""},
        {"x-hub-signature": "sha256="},
        {"x-hub-signature": "sha256=" + "0" * 64},
        {"x-hub-signature": "sha1=" + "0" * 40},
        {"x-hub-signature": "ümlaut"},
        signed(body(), SecretStr("somebody else's secret")),
        signed(body(age=timedelta(seconds=1))),
    ],
)
def test_what_is_signed_by_nobody_by_others_or_for_another_body_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        hint([SECRET], signed(body()) | headers, body(), NOW)


def test_one_byte_more_is_another_body() -> None:
    with pytest.raises(BadSignature):
        hint([SECRET], signed(body()), body() + b" ", NOW)


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(minutes=35), True),  # Jira tries for half an hour, with the same body
        (timedelta(minutes=35, seconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
        (timedelta(days=365), False),
    ],
)
def test_what_is_stale_or_from_the_future_is_refused(age: timedelta, fresh: bool) -> None:
    content = body(age=age)
    if fresh:
        assert heard(content)
    else:
        with pytest.raises(BadSignature, match="replay window"):
            heard(content)


@pytest.mark.parametrize("timestamp", [None, "1795165200000", 1.5, True, [], 10**400, -1])
def test_without_a_timestamp_of_its_own_it_cannot_be_fresh(timestamp: Any) -> None:
    with pytest.raises(BadSignature):
        heard(body(timestamp=timestamp))


@pytest.mark.parametrize("content", [b"", b"no json", b"[]", b'"text"', b"[" * 100_000, b"\xff"])
def test_what_is_signed_and_no_json_object_is_not_understood(content: bytes) -> None:
    with pytest.raises(NotUnderstood):
        heard(content)


@pytest.mark.parametrize(
    "issue", [None, [], {}, {"id": "10042"}, {"id": "x", "key": "SUP-1"}, {"id": "1", "key": "../../secret"}]
)
def test_what_names_no_issue_is_not_understood(issue: Any) -> None:
    with pytest.raises(NotUnderstood, match="no issue"):
        heard(body(issue=issue))


def test_the_same_body_is_the_same_delivery_whatever_identifier_it_is_played_back_under() -> None:
    names = {hint_id({"x-atlassian-webhook-identifier": name}) for name in ("a", "b", "")}
    assert len(names) == 1


def hint_id(headers: dict[str, str]) -> str:
    found = hint([SECRET], signed(body()) | headers, body(), NOW)
    assert found is not None
    return found.id


def digest(content: bytes) -> str:
    return "sha256-" + hashlib.sha256(content).hexdigest()


def test_a_secret_is_replaced_without_a_gap() -> None:
    other = SecretStr("another-secret-of-jira")
    assert hint([other, SECRET], signed(body()), body(), NOW)
    with pytest.raises(BadSignature):
        hint([other], signed(body()), body(), NOW)


@given(st.binary(max_size=200))
def test_whatever_comes_unsigned_is_refused_and_nothing_else_happens(content: bytes) -> None:
    with pytest.raises(BadSignature):
        hint([SECRET], {}, content, NOW)


NAMES = st.sampled_from(["timestamp", "webhookEvent", "issue", "comment", "user", "id", "key", "accountId"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(JSON)
def test_whatever_is_signed_is_understood_or_refused(said: Any) -> None:
    try:
        found = heard(json.dumps(said).encode())
    except (BadSignature, NotUnderstood):
        return
    assert found is None or found.issue.isdecimal()
