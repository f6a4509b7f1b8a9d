"""What a change in Zendesk comes down to, and by whose word (G12, G13): the vendor's audits in, commands out."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from domain.core.ids import ticket_id
from integrations.helpdesk.zendesk import history as reader
from integrations.helpdesk.zendesk.port import HelpdeskTicket, History
from services.webhooks.zendesk_meanings import HelpdeskCase, Reading, meanings, merged_away, opening_request

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
AGENT, OTHER, FORMER, CUSTOMER, COLLEAGUE, COPIED, STRANGER, BOT, ITSELF = 20, 21, 55, 300, 301, 302, 303, 900, -1
ROLES = {AGENT: "agent", OTHER: "admin", BOT: "agent", FORMER: "end-user", CUSTOMER: "end-user"}
ROLES |= {COLLEAGUE: "end-user", COPIED: "end-user", STRANGER: "end-user"}
ORGANIZATION, OURS = 4000, 1
TRIGGER = {"channel": "rule", "source": {"rel": "trigger", "from": {"id": 77, "title": "VIP"}, "to": {}}}
AUTOMATION = {"channel": "rule", "source": {"rel": "automation", "from": {"id": 78}, "to": {}}}
WEB = {"channel": "web", "source": {"rel": None, "from": {}, "to": {}}}
DONE = 11
Command = tuple[str, dict[str, Any]]


class Helpdesk:
    """A ticket of Zendesk's, 7001, and what happens to it."""

    def __init__(self, *, number: int = 7001, via: str = "email", first_by: int | None = None, **opening: Any) -> None:
        """`opening` overrides the ticket's fields; `first_by` wrote the first comment."""
        self._ids = count(1)
        requester = opening.get("requester", CUSTOMER)
        self.there = HelpdeskTicket.model_validate(
            {
                "id": number, "created_at": NOW, "updated_at": NOW, "status": "open", "description": "It broke.",
                "via": via, "requester": requester, "submitter": first_by or requester, "organization": "acme",
                "organization_number": ORGANIZATION,
            }
            | opening
        )  # fmt: skip
        self.users = dict(ROLES)
        self.of: dict[int, int] = {COLLEAGUE: ORGANIZATION}
        self.reading = Reading(record={"what_was_done": DONE}, bots=frozenset({BOT}))
        self.raw: list[dict[str, Any]] = []

    def change(self, by: int, *events: dict[str, Any], via: dict[str, Any] | None = None, at: int = 0) -> "Helpdesk":
        numbered = [{"id": next(self._ids)} | event for event in events]
        stamp = f"{NOW + timedelta(minutes=at):%Y-%m-%dT%H:%M:%SZ}"
        self.raw.append(
            {"id": next(self._ids), "created_at": stamp, "author_id": by, "via": via or WEB, "events": numbered}
        )
        return self

    def opened(self, by: int = CUSTOMER, *, public: bool = True, **more: Any) -> "Helpdesk":
        created = {"type": "Create", "field_name": "status", "value": "new"}
        return self.change(by, created, said(by, "It broke.", public=public, **more))

    @property
    def story(self) -> HelpdeskCase:
        people = reader.people(
            {"id": number, "role": role, "organization_id": self.of.get(number)} for number, role in self.users.items()
        )
        audits = tuple(reader.audit(raw, self.there.id) for raw in self.raw)
        listed = lambda person, _at: person in people and people[person].staff  # noqa: E731
        return HelpdeskCase.of(self.there, History(audits=audits, people=people), listed, self.reading)

    def means(self, place: int = -1) -> list[Command]:
        """The commands of one change, the last if none is said."""
        story = self.story
        return list(meanings(story.history.audits[place], story, self.reading))

    def names(self, place: int = -1) -> list[tuple[str, str]]:
        return [(name, str(payload.get("role", ""))) for name, payload in self.means(place)]


def said(by: int, text: str, *, public: bool = True, **more: Any) -> dict[str, Any]:
    return {"type": "Comment", "author_id": by, "body": text, "plain_body": text, "public": public} | more


def status(value: str, previous: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "Change", "field_name": "status", "value": value, "previous_value": previous} | more


REPLY, RESPONSE, INTERNAL = [("reply", "customer")], [("respond", "agent")], [("note", "system")]


@pytest.mark.parametrize(
    ("who", "read"),
    [(CUSTOMER, REPLY), (COLLEAGUE, REPLY), (COPIED, REPLY), (STRANGER, REPLY), (AGENT, RESPONSE), (OTHER, RESPONSE)],
)
def test_g12_who_wrote_a_public_comment_is_what_they_are_to_this_ticket(who: int, read: list[Command]) -> None:
    assert Helpdesk(copied=(COPIED,)).opened().change(who, said(who, "Hello?")).names() == read


@pytest.mark.parametrize("via", [WEB, TRIGGER, AUTOMATION])
@pytest.mark.parametrize("public", [False, True])
def test_g12_the_system_is_neither_and_its_words_are_a_note(via: dict[str, Any], public: bool) -> None:
    desk = Helpdesk().opened().change(ITSELF, said(ITSELF, "VIP customer.", public=public), via=via)
    ((name, payload),) = desk.means()
    assert (name, payload["role"], payload["public"]) == ("note", "system", public)


@pytest.mark.parametrize("via", [TRIGGER, AUTOMATION])
def test_g12_what_a_rule_says_in_an_agents_name_is_no_agents_word(via: dict[str, Any]) -> None:
    assert Helpdesk().opened().change(AGENT, said(AGENT, "We have your mail."), via=via).names() == INTERNAL
    beside = Helpdesk().opened().change(AGENT, said(AGENT, "We have your mail.", via=via))
    assert beside.names() == INTERNAL


def test_g12_a_user_that_the_settings_call_a_bot_is_one() -> None:
    assert Helpdesk().opened().change(BOT, said(BOT, "Have you tried restarting?")).names() == INTERNAL


@pytest.mark.parametrize("who", [CUSTOMER, COLLEAGUE, STRANGER])
def test_g12_a_private_word_is_never_the_customers(who: int) -> None:
    desk = Helpdesk(requester=CUSTOMER).opened().change(who, said(who, "Handle with care.", public=False))
    assert [name for name, _ in desk.names()] == ["note"]


def test_g12_an_agent_who_asks_for_themselves_is_the_customer_of_that_ticket() -> None:
    desk = Helpdesk(requester=AGENT).opened(AGENT).change(AGENT, said(AGENT, "Any news?"))
    assert (desk.names(), opening_request(desk.story, desk.reading, NOW).role) == (REPLY, "customer")
    assert desk.change(OTHER, said(OTHER, "We look into it.")).names() == RESPONSE
    assert desk.change(AGENT, status("solved", "open")).names() == [("solved", "customer")]


def test_g12_an_agent_of_the_customers_organisation_or_in_copy_is_the_customer() -> None:
    desk = Helpdesk().opened()
    desk.of[AGENT] = ORGANIZATION
    assert desk.change(AGENT, said(AGENT, "It hurts us.")).names() == REPLY
    assert Helpdesk(copied=(AGENT,)).opened().change(AGENT, said(AGENT, "It hurts us.")).names() == REPLY


def test_g12_our_own_organisation_makes_nobody_the_customer() -> None:
    internal = Helpdesk(requester=AGENT, organization_number=OURS).opened(AGENT)
    internal.of |= {AGENT: OURS, OTHER: OURS}
    assert internal.change(OTHER, said(OTHER, "We look into it.")).names() == RESPONSE
    said_so = Helpdesk(organization_number=OURS).opened()
    said_so.of |= {AGENT: OURS}
    said_so.reading = said_so.reading.model_copy(update={"own_organizations": frozenset({OURS})})
    assert said_so.change(AGENT, said(AGENT, "We look into it.")).names() == RESPONSE


@pytest.mark.parametrize(
    "did",
    [
        status("pending", "new"),
        status("open", "new"),
        {"type": "Change", "field_name": "assignee_id", "value": str(FORMER), "previous_value": None},
        {"type": "Change", "field_name": "priority", "value": "high", "previous_value": "normal"},
    ],
)
def test_g12_who_has_left_was_an_agent_when_they_wrote(did: dict[str, Any]) -> None:
    """Zendesk's list has them as a customer today; the ticket's own history shows what they were."""
    desk = Helpdesk().opened().change(FORMER, said(FORMER, "Which browser?"), did)
    assert desk.names()[0] == ("respond", "agent")
    assert Helpdesk().opened().change(FORMER, said(FORMER, "Which browser?")).names() == REPLY


def test_g12_what_a_trigger_does_right_after_makes_nobody_an_agent() -> None:
    raised = {"type": "Change", "field_name": "priority", "value": "high", "previous_value": None, "via": TRIGGER}
    desk = Helpdesk().opened().change(COPIED, said(COPIED, "Me too."), raised)
    assert desk.names() == REPLY


def test_g12_whoever_writes_down_the_customers_words_is_not_their_author() -> None:
    desk = Helpdesk().opened().change(AGENT, said(CUSTOMER, "On the phone: it is worse now."), status("open", "new"))
    assert desk.names() == REPLY


def test_g12_the_requester_is_who_was_it_at_that_time() -> None:
    """An agent forwards a mail, and then says whose it is: what they write from then on is an answer."""
    desk = Helpdesk(requester=CUSTOMER).opened(AGENT)
    changed = {"type": "Change", "field_name": "requester_id", "value": str(CUSTOMER), "previous_value": str(AGENT)}
    desk.change(AGENT, said(AGENT, "It is about the export."))
    desk.change(AGENT, changed, said(AGENT, "We look into it."))
    assert (desk.names(1), desk.names(2)) == (REPLY, RESPONSE)


def test_g12_a_side_conversation_is_internal() -> None:
    aside = {"channel": "side_conversation", "source": {"rel": None, "from": {}, "to": {}}}
    by_us = Helpdesk().opened().change(AGENT, said(AGENT, "Can you look?"), via=aside)
    by_them = Helpdesk().opened().change(STRANGER, said(STRANGER, "It is our DNS."), via=aside)
    assert (by_us.names(), by_them.names()) == ([("note", "agent")], INTERNAL)


# -- C5: the first response -------------------------------------------------------------------------------------


def call(by: int, **data: Any) -> dict[str, Any]:
    began = f"{NOW - timedelta(minutes=4):%Y-%m-%dT%H:%M:%SZ}"
    known = {"call_id": 1, "call_duration": 210, "answered_by_id": None, "started_at": began} | data
    return said(by, "Call with the customer", type="VoiceComment", data=known)


def test_c5_a_call_of_an_agent_is_a_response_from_when_it_began() -> None:
    ((name, payload),) = Helpdesk().opened().change(AGENT, call(AGENT, answered_by_id=AGENT)).means()
    assert (name, payload["role"], payload["source"]) == ("respond", "agent", "helpdesk")
    assert datetime.fromisoformat(payload["occurred"]) == NOW - timedelta(minutes=4)
    old = call(AGENT, started_at="2026-11-23 00:56:00 -0800")
    ((_, payload),) = Helpdesk().opened().change(AGENT, old).means()
    assert datetime.fromisoformat(payload["occurred"]) == NOW - timedelta(minutes=4)


def test_c5_a_call_that_nobody_answered_is_no_response() -> None:
    assert Helpdesk().opened().change(AGENT, call(AGENT, call_duration=0)).names() == [("note", "agent")]


def test_c5_a_call_of_the_customer_is_their_message_and_a_response_if_one_of_ours_spoke() -> None:
    assert Helpdesk().opened().change(CUSTOMER, call(CUSTOMER)).names() == REPLY
    assert Helpdesk().opened().change(CUSTOMER, call(CUSTOMER, answered_by_id=AGENT)).names() == [*REPLY, *RESPONSE]


def test_c5_a_public_message_with_which_an_agent_opens_the_ticket_is_the_first_response() -> None:
    desk = Helpdesk(first_by=AGENT, description="We saw that your export fails.").opened(AGENT)
    request = opening_request(desk.story, desk.reading, NOW)
    assert (request.role, request.by, request.message) == ("agent", "zendesk-20", "We saw that your export fails.")
    assert request.description == ""
    private = Helpdesk(first_by=AGENT).opened(AGENT, public=False)
    request = opening_request(private.story, private.reading, NOW)
    assert (request.role, request.message, request.description) == ("agent", "", "It broke.")


def test_c5_who_answers_the_call_with_which_a_ticket_begins_has_answered_it() -> None:
    created = {"type": "Create", "field_name": "status", "value": "new"}
    desk = Helpdesk(via="voice").change(CUSTOMER, created, call(CUSTOMER, answered_by_id=AGENT))
    request = opening_request(desk.story, desk.reading, NOW)
    assert (request.role, request.by, request.channel) == ("agent", "zendesk-20", "phone")
    voicemail = Helpdesk(via="voice").change(CUSTOMER, created, call(CUSTOMER))
    assert opening_request(voicemail.story, voicemail.reading, NOW).role == "customer"


def test_c5_what_was_made_private_later_was_a_response_when_it_was_written() -> None:
    desk = Helpdesk().opened().change(AGENT, said(AGENT, "Their password is x.", public=False))
    comment = desk.raw[-1]["events"][0]["id"]
    desk.change(AGENT, {"type": "CommentPrivacyChange", "comment_id": comment, "public": False})
    assert desk.names(1) == RESPONSE
    ((name, payload),) = desk.means(2)
    assert (name, payload["message"]) == ("hide", f"zendesk:{desk.raw[1]['id']}:respond")


# -- G13: what ends elsewhere ------------------------------------------------------------------------------------


def merge(source: int) -> dict[str, Any]:
    return {"channel": "web", "source": {"rel": "merge", "from": {"ticket_id": source, "subject": "x"}, "to": {}}}


GOING = 'This request was closed and merged into request #7002 "Export fails".'


@pytest.mark.parametrize("public", [True, False])
def test_g13_a_merged_ticket_ends_in_the_one_that_goes_on(public: bool) -> None:
    desk = Helpdesk().opened()
    desk.change(AGENT, said(AGENT, GOING, public=public), status("closed", "new"), via=merge(7001))
    ((name, payload),) = desk.means()
    assert (name, payload["how"], payload["into"]) == ("end", "merged", ticket_id("zendesk", "7002"))
    assert merged_away(desk.story)


def test_g13_the_notice_of_a_merge_is_no_response_and_nobodys_reply() -> None:
    desk = Helpdesk(number=7002).opened()
    desk.change(AGENT, said(AGENT, 'Request #7001 "x" was closed and merged into this request.'), via=merge(7001))
    ((name, payload),) = desk.means()
    assert (name, payload["role"], payload["public"]) == ("note", "system", False)
    (audit,) = desk.story.history.audits[1:]
    assert audit.merge
    assert (audit.merge.source, audit.merge.target, merged_away(desk.story)) == (7001, 7002, False)


def test_g13_the_customer_solves_it_with_a_word_or_without() -> None:
    silent = Helpdesk().opened().change(CUSTOMER, status("solved", "open"))
    ((name, payload),) = silent.means()
    assert (name, payload["role"], payload["text"]) == ("solved", "customer", "")
    thanks = Helpdesk().opened().change(CUSTOMER, said(CUSTOMER, "Works now, thanks."), status("solved", "open"))
    ((name, payload),) = thanks.means()
    assert (name, payload["text"]) == ("solved", "Works now, thanks.")


def test_g13_what_a_trigger_solves_after_the_customers_word_the_customer_has_not_solved() -> None:
    desk = Helpdesk().opened().change(CUSTOMER, said(CUSTOMER, "Hello?"), status("solved", "open", via=TRIGGER))
    assert [name for name, _ in desk.means()] == ["reply", "say"]


def test_g13_an_automation_closes_and_reopens_but_resolves_nothing() -> None:
    solved = Helpdesk().opened().change(ITSELF, status("solved", "pending"), via=AUTOMATION)
    closed = Helpdesk().opened().change(ITSELF, status("closed", "solved"), via=AUTOMATION)
    reopened = Helpdesk().opened().change(ITSELF, status("open", "solved"), via=TRIGGER)
    assert [name for name, _ in solved.means()] == ["say"]
    assert [(name, payload["how"]) for name, payload in closed.means()] == [("end", "closed")]
    assert reopened.names() == [("reopen", "integration")]


@pytest.mark.parametrize("comment", [(), (said(AGENT, "It is back."),)])
def test_g13_an_agent_reopens_it_with_a_word_or_without(comment: tuple[dict[str, Any], ...]) -> None:
    names = [name for name, _ in Helpdesk().opened().change(AGENT, *comment, status("open", "solved")).means()]
    assert names == [*(["respond"] if comment else []), "reopen"]


def test_g9_an_agents_solving_is_a_resolution_of_ours_whoever_wrote_the_words() -> None:
    desk = Helpdesk(fields={str(DONE): "Restarted."}).opened()
    desk.change(AGENT, said(CUSTOMER, "Works now."), status("solved", "open"))
    assert desk.names() == [*REPLY, ("resolve", "agent")]
    assert desk.means()[1][1]["what_was_done"] == "Restarted."
