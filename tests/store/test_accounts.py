"""Accounts in the database: as the CRM last told, all or none, and which tickets wait for theirs."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.core.enums import Health, Plan
from domain.ticket.state import Account
from integrations.crm.port import CrmFault
from services.intake.enrichment import take_over
from services.intake.opening import opening_story
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from store import accounts, inbox, journal, queries
from store.accounts import Saved
from store.database import Database
from tests.store.stories import MONDAY, RUN, Life, life, opened

ACME = Account(id="acme", plan=Plan.PREMIUM, arr=Decimal("60000.50"), fee=Decimal("5000.05"), health=Health.YELLOW)
BETA = Account(id="beta", plan=Plan.FREE)


class Told:
    """A CRM that tells of these, and then finds a fault or not."""

    def __init__(self, *told: Account, fault: bool = False) -> None:
        self._told, self._fault = told, fault

    def accounts(self):
        yield from self._told
        if self._fault:
            raise CrmFault(["line 3: no"])


def test_what_is_new_changed_or_the_same_is_counted_and_amounts_are_kept_to_the_cent(database: Database) -> None:
    assert take_over(database, Told(ACME, BETA)) == Saved(new=2)
    assert take_over(database, Told(ACME, BETA)) == Saved(unchanged=2)
    grown = BETA.model_copy(update={"plan": Plan.STANDARD, "zone": "Europe/Paris"})
    assert take_over(database, Told(ACME, grown)) == Saved(changed=1, unchanged=1)
    with database.session() as session:
        assert accounts.find_account(session, "acme") == ACME
        assert accounts.find_account(session, "beta") == grown
        assert accounts.find_account(session, "gamma") is None


def test_a_fault_at_the_end_leaves_everything_as_it_was(database: Database) -> None:
    take_over(database, Told(ACME))
    with pytest.raises(CrmFault):
        take_over(database, Told(ACME.model_copy(update={"plan": Plan.FREE}), BETA, fault=True))
    with database.session() as session:
        assert accounts.accounts(session) == [ACME]


def test_many_accounts_are_listed_by_pages(database: Database) -> None:
    many = [Account(id=f"a{place:04}", plan=Plan.STANDARD) for place in range(1203)]
    assert take_over(database, Told(*many, ACME)) == Saved(new=1204)
    with database.session() as session:
        first = accounts.accounts(session, plan=Plan.STANDARD, limit=700)
        rest = accounts.accounts(session, plan=Plan.STANDARD, after=first[-1].id, limit=700)
    assert [one.id for one in (*first, *rest)] == [one.id for one in many]


def test_open_tickets_of_unknown_accounts_wait_until_somebody_tells_of_them(database: Database) -> None:
    for number in ("1", "2"):
        story = opened(number, account="acme", unknown=True)
        with database.begin() as session:
            journal.append(session, story.state.id, RUN, story.events)
    with database.begin() as session:  # a plain one of the same account
        plain = life("3", account="acme")
        journal.append(session, plain.ticket.id, RUN, plain.events)
    with database.session() as session:
        assert accounts.unknown(session) == {"acme": 2}
        assert accounts.matched(session, "told") == []
    take_over(database, Told(ACME))
    with database.session() as session:
        first, second = accounts.matched(session, "told")
    with database.begin() as session:
        inbox.keep(session, "told", first, {}, MONDAY)
    with database.session() as session:
        assert accounts.matched(session, "told") == [second]


def test_g6_g11_how_often_each_rule_had_its_say_and_was_wrong_is_counted_by_tickets(database: Database) -> None:
    for number in ("1", "2", "3"):
        request = {
            "external_id": number,
            "account": {"id": "acme", "plan": "premium"},
            "description": "The site is down",
        }
        one = Life(opening_story(load_policy(), OpenRequest.parse(request), MONDAY))
        if number == "1":
            one.do("prioritise", priority="P2", reason="One browser.").do("prioritise", priority="P3", reason="Minor.")
        if number == "2":
            one.do("amend", category="account")  # no rule had said so: nobody was wrong
        with database.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
    with database.session() as session:
        assert queries.corrections(session) == [queries.Corrections(rule="outage", used=3, corrected=1)]
        assert queries.corrections(session, since=MONDAY + timedelta(days=1)) == []


def test_g10_the_queue_of_a_team_holds_what_is_routed_to_it(database: Database) -> None:
    forms = {"1": "Our invoice is wrong", "2": "It broke"}
    for number, text in forms.items():
        request = {"external_id": number, "account": {"id": "acme", "plan": "premium"}, "description": text}
        one = Life(opening_story(load_policy(), OpenRequest.parse(request), MONDAY))
        with database.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
    with database.session() as session:
        (billing,) = queries.queue(session, team="billing").lines
        (support,) = queries.queue(session, team="support").lines
        assert (billing.team, support.team) == ("billing", "support")
        assert len(queries.queue(session).lines) == 2
        assert queries.queue(session, team="nobody").lines == []
