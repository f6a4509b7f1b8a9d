"""What pagers tell us: proven to be theirs, fresh, and about an alert that can be ours; or nothing at all."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.pager.client import trigger_event
from integrations.pager.port import Page, key_in
from integrations.pager.webhook import NotUnderstood, PagerNews, from_pagerduty, from_signed
from integrations.standard_webhooks import BadSignature, headers_for

NOW = datetime(2026, 11, 21, 3, 1, tzinfo=UTC)
SECRET, OTHER = SecretStr("first-secret"), SecretStr("second-secret")
SIGNING = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NAME = "Ada Lovelace"


def delivery(**changes: Any) -> bytes:
    """A V3 webhook as PagerDuty's documentation shows it."""
    event: dict[str, Any] = {
        "id": "01BRB6ZP4M6T8ZG4X6BP63ZB9O",
        "event_type": "incident.acknowledged",
        "resource_type": "incident",
        "occurred_at": "2026-11-21T03:00:42.169Z",
        "agent": {"id": "PLH1HKV", "type": "user_reference", "summary": NAME},
        "client": {"name": "PagerDuty"},
        "data": {"id": "PGR0VU2", "type": "incident", "number": 2, "incident_key": "incident-7:2", "title": "down"},
    }
    return json.dumps({"event": event | changes}).encode()


def signed(body: bytes, *secrets: SecretStr) -> dict[str, str]:
    digests = [hmac.digest(secret.get_secret_value().encode(), body, "sha256").hex() for secret in secrets]
    return {"x-pagerduty-signature": ",".join(f"v1={digest}" for digest in digests)}


def heard(body: bytes) -> PagerNews | None:
    return from_pagerduty([SECRET], signed(body, SECRET), body, NOW)


class TestPagerDuty:
    @pytest.mark.parametrize("act", ["acknowledged", "unacknowledged", "resolved", "escalated", "reassigned"])
    def test_it_says_what_was_done_to_which_alert_by_whom_and_when(self, act: str) -> None:
        news = heard(delivery(event_type=f"incident.{act}"))

        assert news is not None
        assert (news.act, news.dedup_key, news.by) == (act, "incident-7:2", "PLH1HKV")
        assert news.at == datetime(2026, 11, 21, 3, 0, 42, 169000, tzinfo=UTC)
        assert news.id == "01BRB6ZP4M6T8ZG4X6BP63ZB9O"

    @pytest.mark.parametrize(
        ("agent", "by", "person"),
        [
            ({"id": 17, "type": "user_reference"}, "17", True),
            ({"id": "PX1", "type": None}, "PX1", False),
            ({"id": None, "type": "inbound_integration_reference"}, "", False),
            ({"id": "PX1", "type": "service_reference"}, "PX1", False),
            ({}, "", False),
            (None, "", False),
        ],
    )
    def test_only_a_person_is_one_whatever_the_agent_lacks(
        self, agent: dict[str, Any] | None, by: str, person: bool
    ) -> None:
        incident = {"id": "PGR0VU2", "type": "incident", "incident_key": "incident-7:2", "title": None, "status": None}
        news = heard(delivery(agent=agent, data=incident))
        assert news is not None
        assert (news.by, news.by_person, news.rings) == (by, person, False)

    def test_a_persons_name_is_not_kept(self) -> None:
        assert NAME not in repr(heard(delivery()))

    @pytest.mark.parametrize(
        "body",
        [
            delivery(event_type="incident.annotated", data={"id": "P2LA89X", "type": "incident_note"}),
            delivery(event_type="service.updated", data={"id": "PF9KMXH", "type": "service"}, agent=None),
            delivery(data={"id": "PGR0VU2", "type": "incident_note", "incident_key": None}),
            delivery(data={"id": "PGR0VU2", "incident_key": "no key of ours"}),
        ],
    )
    def test_what_is_not_about_an_alert_is_nothing_to_us(self, body: bytes) -> None:
        assert heard(body) is None

    @pytest.mark.parametrize(
        ("title", "key"),
        [
            ("[incident-7] P0 in API: incident-7", "incident-7"),
            ("[incident-7:2:1] whatever a responder has written since", "incident-7:2:1"),
            ("[area-web-app] P0", "area-web-app"),
            ("[incident-7:3:12]", "incident-7:3:12"),
            ("look at [incident-7] first", ""),
            ("[incident-7](not ours)", ""),
            ("[incident-07] P0", ""),
            ("[incident-7:2] P0", ""),
            ("[anything] P0", ""),
            ("", ""),
        ],
    )
    def test_an_incident_made_of_an_alert_has_no_key_and_is_known_by_the_front_of_its_title(
        self, title: str, key: str
    ) -> None:
        news = heard(delivery(data={"id": "PGR0VU2", "type": "incident", "incident_key": None, "title": title}))

        assert news is not None
        assert (news.dedup_key, news.in_title, news.incident) == (key, bool(key), "PGR0VU2")

    @given(st.sampled_from(["incident-7", "incident-123456789:9:99", "area-api:2:1"]), st.text(max_size=2000))
    def test_whatever_a_page_says_its_key_is_found_in_its_title(self, key: str, summary: str) -> None:
        page = Page(dedup_key=key, summary=summary, severity="critical")
        title = trigger_event(page)["payload"]["summary"]
        assert (key_in(title), len(title) <= 1024) == (key, True)

    @pytest.mark.parametrize(
        ("agent", "by_person"),
        [
            ({"id": "P1", "type": "user_reference"}, True),
            ({"id": "P1", "type": "service_reference"}, False),
            ({"id": "P1", "type": "integration_reference"}, False),
            (None, False),
        ],
    )
    def test_a_person_did_it_or_a_machine(self, agent: dict[str, str] | None, by_person: bool) -> None:
        news = heard(delivery(agent=agent))
        assert news is not None
        assert news.by_person is by_person

    def test_who_did_it_may_be_unknown(self) -> None:
        news = heard(delivery(agent=None))
        assert news is not None
        assert news.by == ""

    def test_a_secret_can_be_replaced_without_a_gap(self) -> None:
        body = delivery()
        assert from_pagerduty([OTHER, SECRET], signed(body, SECRET), body, NOW)
        assert from_pagerduty([OTHER], signed(body, SECRET, OTHER), body, NOW)

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "v1=",
            "v1",
            "v2={digest}",
            "{digest}",
            "v1={upper}",
            "v1=\u00e9",
            ",".join(["v1=00"] * 10) + ",v1={digest}",
        ],
    )
    def test_without_a_signature_that_fits_it_is_refused(self, header: str | None) -> None:
        body = delivery()
        digest = signed(body, SECRET)["x-pagerduty-signature"].removeprefix("v1=")
        headers = (
            {} if header is None else {"x-pagerduty-signature": header.format(digest=digest, upper=digest.upper())}
        )

        with pytest.raises(BadSignature):
            from_pagerduty([SECRET], headers, body, NOW)

    def test_with_no_secret_everything_is_refused(self) -> None:
        body = delivery()
        with pytest.raises(BadSignature):
            from_pagerduty([], signed(body, SecretStr("")), body, NOW)

    @given(body=st.binary(max_size=60))
    def test_any_other_body_is_refused(self, body: bytes) -> None:
        with pytest.raises(BadSignature):
            from_pagerduty([SECRET], signed(delivery(), SECRET), body, NOW)

    @pytest.mark.parametrize(
        ("ago", "fresh"),
        [(timedelta(hours=49), True), (timedelta(hours=49, seconds=1), False), (-timedelta(minutes=5), True),
         (-timedelta(minutes=5, seconds=1), False)],
    )  # fmt: skip
    def test_it_is_taken_for_as_long_as_it_is_repeated_and_never_from_the_future(
        self, ago: timedelta, fresh: bool
    ) -> None:
        body = delivery(occurred_at=(NOW - ago).isoformat())
        if fresh:
            assert heard(body)
        else:
            with pytest.raises(BadSignature, match="replay window"):
                heard(body)

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"event": {}}', delivery(occurred_at="yesterday"),
         delivery(occurred_at="2026-11-21T03:00:42"), delivery(data=[]), delivery(id=None)],
    )  # fmt: skip
    def test_what_is_genuine_and_in_no_known_form_is_said_to_be_so(self, body: bytes) -> None:
        with pytest.raises(NotUnderstood):
            heard(body)


class TestOurOwnFormat:
    BODY = json.dumps(
        {
            "type": "page.acknowledged",
            "timestamp": "2026-11-21T03:00:42Z",
            "data": {"dedup_key": "incident-7", "by": "u17"},
        }
    ).encode()

    def test_it_says_what_was_done_to_which_alert_by_whom_and_when(self) -> None:
        news = from_signed([SIGNING], headers_for(SIGNING, "m1", NOW, self.BODY), self.BODY, NOW)

        assert news == PagerNews(
            id="m1", act="acknowledged", dedup_key="incident-7", by="u17", rings=True, at=NOW - timedelta(seconds=18)
        )

    def test_the_signature_and_its_window_are_those_of_standard_webhooks(self) -> None:
        headers = headers_for(SIGNING, "m1", NOW, self.BODY)
        with pytest.raises(BadSignature):
            from_signed([SIGNING], headers, self.BODY + b" ", NOW)
        with pytest.raises(BadSignature, match="replay window"):
            from_signed([SIGNING], headers, self.BODY, NOW + timedelta(minutes=5, seconds=1))

    @pytest.mark.parametrize(
        ("who", "by", "person"),
        [
            ({"by": 17}, "17", True),
            ({"by": "u17", "machine": None}, "u17", True),
            ({"by": "u17", "machine": "true"}, "u17", False),
            ({"by": None}, "", False),
            ({"by": " "}, "", False),
            ({}, "", False),
        ],
    )
    def test_a_number_is_a_name_and_null_is_nobody(self, who: dict[str, Any], by: str, person: bool) -> None:
        event = {"type": "page.acknowledged", "timestamp": "2026-11-21T03:00:42Z"}
        body = json.dumps(event | {"data": {"dedup_key": "incident-7"} | who}).encode()
        news = from_signed([SIGNING], headers_for(SIGNING, "m1", NOW, body), body, NOW)
        assert news is not None
        assert (news.by, news.by_person) == (by, person)

    def test_another_type_is_nothing_to_us(self) -> None:
        body = self.BODY.replace(b"acknowledged", b"snoozed")
        assert from_signed([SIGNING], headers_for(SIGNING, "m1", NOW, body), body, NOW) is None
