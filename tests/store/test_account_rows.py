"""Accounts in the database: as the CRM last told, all or none, and which tickets wait for theirs."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.core.enums import Health, Plan
from domain.ticket.state import Account
from integrations.crm.csv_file import CsvFile
from integrations.crm.port import CrmFault
from services.intake.enrichment import take_over, unclear_places, without_named_csm
from services.intake.opening import opening_recording
from services.intake.request import OpenRequest
from services.policy_file.load import load_policy
from store import accounts, inbox, journal, queries
from store.accounts import Saved
from store.database import Database
from tests.support.ticket_life import MONDAY, RUN, Life, life, opened

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
        one = Life(opening_recording(load_policy(), OpenRequest.parse(request), MONDAY))
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
        one = Life(opening_recording(load_policy(), OpenRequest.parse(request), MONDAY))
        with database.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
    with database.session() as session:
        (billing,) = queries.queue(session, team="billing").lines
        (support,) = queries.queue(session, team="support").lines
        assert (billing.team, support.team) == ("billing", "support")
        assert len(queries.queue(session).lines) == 2
        assert queries.queue(session, team="nobody").lines == []


FULL = "id,plan,health,arr,fee,csm,zone,region\npartial,enterprise,red,120000,9000,carla,Europe/Vienna,AT-9\n"


def imported(database: Database, folder: Path, text: str) -> Saved:
    file = folder / "accounts.csv"
    file.write_text(text, encoding="utf-8")
    return take_over(database, CsvFile(file))


def known(database: Database, account: str) -> Account:
    with database.session() as session:
        found = accounts.find_account(session, account)
    assert found is not None
    return found


def test_a_column_that_is_not_there_changes_nothing(database: Database, tmp_path: Path) -> None:
    assert imported(database, tmp_path, FULL) == Saved(new=1)
    before = known(database, "partial")
    assert imported(database, tmp_path, "id,plan\npartial,enterprise\n") == Saved(unchanged=1)
    assert known(database, "partial") == before
    assert imported(database, tmp_path, "id,plan,arr\npartial,premium,99\nnew,free,\n") == Saved(new=1, changed=1)
    assert known(database, "partial") == before.model_copy(update={"plan": Plan.PREMIUM, "arr": Decimal(99)})
    assert known(database, "new") == Account(id="new", plan=Plan.FREE)


def test_an_empty_cell_of_a_column_that_is_there_clears(database: Database, tmp_path: Path) -> None:
    imported(database, tmp_path, FULL)
    assert imported(database, tmp_path, "id,plan,health,csm,region\npartial,enterprise,,,\n") == Saved(changed=1)
    kept = Account(
        id="partial", plan=Plan.ENTERPRISE, arr=Decimal(120000), fee=Decimal(9000), zone="Europe/Vienna"
    )  # fmt: skip
    assert known(database, "partial") == kept


def test_a_crm_that_says_more_of_one_account_than_of_another_changes_what_it_says(database: Database) -> None:
    take_over(database, Told(ACME, BETA.model_copy(update={"csm": "carla"})))
    told = Told(Account(id="acme", plan=Plan.PREMIUM), Account(id="beta", plan=Plan.FREE, csm=None))
    assert take_over(database, told) == Saved(changed=1, unchanged=1)
    assert known(database, "acme") == ACME
    assert known(database, "beta").csm is None


def test_c16_it_is_said_of_which_accounts_a_region_is_due(database: Database) -> None:
    zones = {"a": "Europe/London", "b": "GB", "c": "Europe/Dublin", "d": "CET", "e": None}
    take_over(database, Told(*(Account(id=name, plan=Plan.STANDARD, zone=zone) for name, zone in zones.items())))
    england = Account(id="f", plan=Plan.STANDARD, zone="Europe/London", region="GB-ENG")
    always = Account(id="g", plan=Plan.ENTERPRISE, zone="Europe/London")  # hours without holidays
    take_over(database, Told(england, always))
    britain, nowhere = unclear_places(database, load_policy())
    assert britain.startswith("2 accounts, 'a' among them: the regions of GB differ in their public holidays")
    assert nowhere.startswith("account 'd': no public holidays count: the zone CET lies in no country")


def test_f1_it_is_said_which_accounts_lack_the_csm_that_their_plan_names(database: Database) -> None:
    people = {"a": None, "b": "carla", "c": None}
    take_over(database, Told(*(Account(id=name, plan=Plan.ENTERPRISE, csm=csm) for name, csm in people.items())))
    take_over(database, Told(Account(id="d", plan=Plan.PREMIUM)))
    assert without_named_csm(database, load_policy()) == [
        "2 accounts, 'a' among them: a named CSM is due on enterprise, none is set"
    ]
    take_over(database, Told(Account(id="a", plan=Plan.ENTERPRISE, csm="carla")))
    assert without_named_csm(database, load_policy()) == ["account 'c': a named CSM is due on enterprise, none is set"]


def test_c16_a_zone_is_stored_by_its_canonical_name(database: Database, tmp_path: Path) -> None:
    imported(database, tmp_path, "id,plan,zone\na,free,europe/berlin\nb,free,US/Eastern\nc,free,utc\n")
    assert [known(database, name).zone for name in "abc"] == ["Europe/Berlin", "America/New_York", "UTC"]
    again = imported(database, tmp_path, "id,plan,zone\na,free,europe/berlin\nb,free,US/Eastern\nc,free,utc\n")
    assert again == Saved(unchanged=3)
