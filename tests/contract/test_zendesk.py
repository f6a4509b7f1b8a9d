"""The Zendesk port over real sockets: what it reads, what it writes once, and how it fails; and its signed webhooks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr

from integrations.calls import RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.helpdesk.zendesk.client import ZendeskClient
from integrations.helpdesk.zendesk.port import Change, Comment
from integrations.helpdesk.zendesk.webhook import BadSignature, News, NotUnderstood, read, verify
from integrations.standins import zendesk as standin
from integrations.standins.zendesk import SECRET, ZendeskControl, event_body, signed, zendesk_config
from integrations.standins.zendesk_state import AGENT, CUSTOMER, US

NOW = datetime.now(UTC).replace(microsecond=0)
OTHER = SecretStr("another-signing-secret")
PUT = {"method": "PUT", "path": "/api/v2/tickets/*"}


@pytest.fixture(scope="module")
def running() -> Iterator[ZendeskControl]:
    with standin.running() as control:
        yield control


@pytest.fixture
def zendesk(running: ZendeskControl) -> ZendeskControl:
    running.clear()
    return running


@pytest.fixture
def client(zendesk: ZendeskControl) -> ZendeskClient:
    return ZendeskClient(zendesk_config(zendesk.url))


def says(text: str = "We look into it.", *, public: bool = True, marker: str = "ticket-a:1", **more: object) -> Change:
    return Change.model_validate({"marker": marker, "comment": Comment(public=public, text=text)} | more)


class TestReading:
    def test_a_ticket_is_read_with_what_intake_needs_and_nobodys_name(
        self, zendesk: ZendeskControl, client: ZendeskClient
    ) -> None:
        number = zendesk.act(
            comment="It broke.", subject="Export", priority="urgent", via="chat", at=NOW, fields={"77": "billing"}
        )
        ticket = client.ticket(number)
        assert (ticket.id, ticket.created_at, ticket.status) == (number, NOW, "new")
        assert (ticket.subject, ticket.description, ticket.via) == ("Export", "It broke.", "chat")
        assert (ticket.requester, ticket.organization) == (CUSTOMER, "acme")
        assert ticket.fields == {"priority": "urgent", "77": "billing"}
        assert "Somebody" not in ticket.model_dump_json()

    def test_an_organisation_without_an_outside_id_is_called_by_its_own(
        self, zendesk: ZendeskControl, client: ZendeskClient
    ) -> None:
        plain = zendesk.act(comment="It broke.", organization=4711, external_id=None)
        nobody = zendesk.act(comment="It broke.", organization=None)
        assert client.ticket(plain).organization == "4711"
        assert client.ticket(nobody).organization is None

    def test_a_history_says_who_did_what_at_once_and_what_was_ours(
        self, zendesk: ZendeskControl, client: ZendeskClient
    ) -> None:
        number = zendesk.act(comment="It broke.", at=NOW - timedelta(hours=1))
        zendesk.act(ticket=number, by=AGENT, comment="Which browser?", status="pending", at=NOW)
        zendesk.act(ticket=number, by=AGENT, comment="Seen before.", public=False)
        zendesk.act(ticket=number, comment="Firefox.", status="open")
        client.change(number, says(marker="ticket-a:7"))
        opening, asked, noted, answered, ours = client.history(number).audits
        assert (opening.opening, opening.by) == (True, CUSTOMER)
        assert (asked.at, asked.by, asked.status) == (NOW, AGENT, "pending")
        assert [(one.comment.public, one.comment.text) for one in (asked, noted) if one.comment] == [
            (True, "Which browser?"),
            (False, "Seen before."),
        ]
        assert (answered.by, answered.status, answered.status_was) == (CUSTOMER, "open", "pending")
        assert client.history(number).people[AGENT].staff
        assert not client.history(number).people[CUSTOMER].staff
        assert (ours.marker, [one.marker for one in (opening, asked, noted, answered)]) == ("ticket-a:7", [""] * 4)

    def test_a_long_history_is_read_to_its_end(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.")
        for place in range(230):
            zendesk.act(ticket=number, comment=f"And {place}.")
        audits = client.history(number).audits
        assert len(audits) == 231
        assert list(audits) == sorted(audits, key=lambda audit: audit.id)

    def test_a_ticket_that_is_not_there_is_rejected(self, client: ZendeskClient) -> None:
        for call in (client.ticket, client.history):
            with pytest.raises(Rejected) as caught:
                call(99)
            assert caught.value.status == 404


class TestTheStandIn:
    """It is as strict as Zendesk where a client could rely on less."""

    def get(self, zendesk: ZendeskControl, path: str) -> requests.Response:
        login = (f"{standin.EMAIL}/token", standin.TOKEN.get_secret_value())
        return requests.get(f"{zendesk.url}/api/v2/tickets/{path}", auth=login, timeout=60)

    def test_only_what_is_asked_for_comes_along(self, zendesk: ZendeskControl) -> None:
        number = zendesk.act(comment="It broke.", assignee=AGENT)
        for path in (f"{number}.json", f"{number}/audits.json?page[size]=100"):
            assert not {"users", "organizations"} & self.get(zendesk, path).json().keys()
        audits = self.get(zendesk, f"{number}/audits.json?include=users&page[size]=100").json()
        assert [user["id"] for user in audits["users"]] == [CUSTOMER], "those who did something, and no others"
        ticket = self.get(zendesk, f"{number}?include=organizations,users").json()
        assert {user["id"] for user in ticket["users"]} == {AGENT, CUSTOMER}
        assert [one["external_id"] for one in ticket["organizations"]] == ["acme"]

    def test_a_list_comes_in_pages_by_cursors_that_say_nothing(self, zendesk: ZendeskControl) -> None:
        number = zendesk.act(comment="It broke.")
        for text in "abcd":
            zendesk.act(ticket=number, comment=text)
        path, seen = f"{number}/audits.json?page[size]=2", []
        while path:
            page = self.get(zendesk, path).json()
            seen += [audit["id"] for audit in page["audits"]]
            path = (page["links"]["next"] or "").rpartition("/tickets/")[2]
        assert len(set(seen)) == len(seen) == 5
        assert not page["meta"]["has_more"]
        assert self.get(zendesk, f"{number}/audits.json?page[size]=101").status_code == 400

    def test_a_list_without_a_size_comes_by_numbers_of_pages(self, zendesk: ZendeskControl) -> None:
        number = zendesk.act(comment="It broke.")
        zendesk.act(ticket=number, comment="Hello?")
        first = self.get(zendesk, f"{number}/audits.json?per_page=1").json()
        assert (first["count"], len(first["audits"]), "meta" in first) == (2, 1, False)
        assert first["next_page"].endswith("page=2&per_page=1")

    @pytest.mark.parametrize(
        "change",
        [
            {"priority": "P0"},
            {"comment": {"body": "x" * 70_000}},
            {"metadata": {"custom": "x" * 5_000}},
            {"comment": {"body": " "}},
        ],
    )
    def test_what_zendesk_does_not_take_is_422(self, zendesk: ZendeskControl, change: dict[str, object]) -> None:
        number = zendesk.act(comment="It broke.")
        login = (f"{standin.EMAIL}/token", standin.TOKEN.get_secret_value())
        url = f"{zendesk.url}/api/v2/tickets/{number}.json"
        assert requests.put(url, json={"ticket": change}, auth=login, timeout=60).status_code == 422

    def test_a_change_is_answered_with_its_audit_and_none_tells_nobody(self, zendesk: ZendeskControl) -> None:
        number = zendesk.act(comment="It broke.")
        login = (f"{standin.EMAIL}/token", standin.TOKEN.get_secret_value())
        url, told = f"{zendesk.url}/api/v2/tickets/{number}.json", len(zendesk.deliveries())
        nothing = requests.put(url, json={"ticket": {"status": "new"}}, auth=login, timeout=60)
        assert (nothing.status_code, len(zendesk.deliveries())) == (200, told)
        answer = requests.put(url, json={"ticket": {"status": "open"}}, auth=login, timeout=60).json()
        assert [event["value"] for event in answer["audit"]["events"]] == ["open"]
        assert len(zendesk.deliveries()) == told + 1


class TestWriting:
    def test_comment_status_and_fields_arrive_at_once(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.")
        client.change(number, says("Fixed.", status="solved", fields={5: "T2"}))
        ticket = zendesk.ticket(number)
        assert (ticket["status"], ticket["custom_fields"]) == ("solved", [{"id": 5, "value": "T2"}])
        assert zendesk.comments(number)[1:] == [(US, True, "Fixed.")]
        assert len(client.history(number).audits) == 2

    def test_an_internal_note_is_not_for_the_customer(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.")
        client.change(number, says("Careful.", public=False))
        assert zendesk.comments(number)[1:] == [(US, False, "Careful.")]

    def test_what_changed_since_it_was_read_is_a_conflict(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.", at=NOW - timedelta(minutes=5))
        since = client.ticket(number).updated_at
        zendesk.act(ticket=number, comment="Hello?")
        with pytest.raises(Rejected) as caught:
            client.change(number, says(unless_changed_since=since))
        assert caught.value.status == 409
        client.change(number, says(unless_changed_since=client.ticket(number).updated_at))

    def test_a_closed_ticket_takes_nothing(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.", status="closed")
        with pytest.raises(Rejected) as caught:
            client.change(number, says())
        assert caught.value.status == 422

    def test_a_refusal_says_which_field_is_wanted(self, zendesk: ZendeskControl, client: ZendeskClient) -> None:
        number = zendesk.act(comment="It broke.")
        zendesk.require({77: "Root cause"})
        with pytest.raises(Rejected, match="Zendesk answered 422: Root cause: is required when solving a ticket") as no:
            client.change(number, Change(marker="m", comment=Comment(public=True, text="Hello"), status="solved"))
        assert no.value.status == 422
        assert len(zendesk.comments(number)) == 1  # all or nothing
        client.change(number, Change(marker="m", status="solved", fields={77: "cache"}))


class TestFailing:
    @pytest.mark.parametrize(
        ("fault", "failure", "done"),
        [
            ("commit_then_drop", Unknown, True),
            ("commit_then_504", Unknown, True),
            ("server_error", Unknown, False),
            ("down", Unknown, False),
            ("rate_limited", RateLimited, False),
            ("unauthorized", Unauthorized, False),
        ],
    )
    def test_what_a_failure_means_for_what_was_written(
        self, zendesk: ZendeskControl, client: ZendeskClient, fault: str, failure: type[Exception], done: bool
    ) -> None:
        number = zendesk.act(comment="It broke.")
        zendesk.fault(fault, times=1, **PUT)
        with pytest.raises(failure):
            client.change(number, says())
        assert (len(zendesk.comments(number)) == 2) is done
        assert any(audit.marker == "ticket-a:1" for audit in client.history(number).audits) is done

    def test_a_wrong_token_is_unauthorized_and_appears_in_no_text(self, zendesk: ZendeskControl) -> None:
        config = zendesk_config(zendesk.url).model_copy(update={"token": SecretStr("wrong-secret")})
        with pytest.raises(Unauthorized) as caught:
            ZendeskClient(config).ticket(1)
        assert "wrong-secret" not in str(caught.value)
        assert "wrong-secret" not in repr(config)

    def test_nobody_there_is_unreachable(self, unused_port: int) -> None:
        with pytest.raises(Unreachable):
            ZendeskClient(zendesk_config(f"http://127.0.0.1:{unused_port}")).ticket(1)

    def test_an_answer_in_another_form_is_unknown(self, zendesk: ZendeskControl) -> None:
        client = ZendeskClient(zendesk_config(f"{zendesk.url}/standin/faults?"))
        with pytest.raises(Unknown):
            client.ticket(1)


class TestWebhook:
    BODY = event_body("ticket.comment_added", 4711)

    def test_a_genuine_and_fresh_one_says_which_ticket(self) -> None:
        delivery = signed(self.BODY, at=NOW)
        verify([OTHER, SECRET], delivery.headers, delivery.body.encode(), NOW + timedelta(minutes=5))
        news = read(self.BODY)
        assert isinstance(news, News)
        assert news.ticket == 4711

    @pytest.mark.parametrize("later", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
    def test_a_stale_one_and_one_of_the_future_are_refused(self, later: timedelta) -> None:
        delivery = signed(self.BODY, at=NOW)
        with pytest.raises(BadSignature, match="replay window"):
            verify([SECRET], delivery.headers, self.BODY, NOW + later)

    @pytest.mark.parametrize(
        "change",
        [
            {"x-zendesk-webhook-signature": ""},
            {"x-zendesk-webhook-signature": "é"},
            {"x-zendesk-webhook-signature-timestamp": NOW.isoformat()},
            {"x-zendesk-webhook-signature-timestamp": "yesterday"},
            {"x-zendesk-webhook-signature-timestamp": ""},
        ],
    )
    def test_a_header_that_was_changed_is_refused(self, change: dict[str, str]) -> None:
        headers = signed(self.BODY, at=NOW).headers | change
        with pytest.raises(BadSignature):
            verify([SECRET], headers, self.BODY, NOW)

    def test_a_changed_body_another_secret_and_no_header_at_all_are_refused(self) -> None:
        headers = signed(self.BODY, at=NOW).headers
        for secrets, given, body in (
            ([SECRET], headers, self.BODY + b" "),
            ([OTHER], headers, self.BODY),
            ([SECRET], {}, self.BODY),
            ([], headers, self.BODY),
        ):
            with pytest.raises(BadSignature):
                verify(secrets, given, body, NOW)

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b'"x"', b"{}", b'{"type": 7}', b"[" * 10_000,
            b'{"type": "zen:event-type:ticket.created", "id": "1"}',
            b'{"type": "zen:event-type:ticket.created", "id": "1", "subject": "zen:user:1"}',
            b'{"type": "zen:event-type:ticket.created", "subject": "zen:ticket:1"}',
            b'{"type": "zen:event-type:ticket.created", "id": "1", "subject": "zen:ticket:0"}',
            b'{"type": "zen:event-type:ticket.created", "id": "1", "subject": "zen:ticket:9999999999999999999"}',
        ],
    )  # fmt: skip
    def test_what_is_in_no_known_form_is_not_understood(self, body: bytes) -> None:
        with pytest.raises(NotUnderstood):
            read(body)

    def test_what_leads_to_nothing_is_nothing(self) -> None:
        assert read(event_body("ticket.tags_changed", 4711)) is None
        assert read(b'{"type": "zen:event-type:user.created", "subject": "zen:user:1"}') is None
