"""`tierline policy check`: what a policy really promises, and where it contradicts or exposes itself."""

import json
import re
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from cli.policy import app
from domain.core.enums import PROMISED, Metric, Plan, Priority, Role
from domain.policy.check import effective_table, findings, names, spell, spell_days
from domain.policy.choices import choices
from domain.policy.policy import Policy
from services.policy_file.load import DEFAULT, PolicyError, load_policy
from services.policy_file.places import place_findings
from tests.support.root import ROOT

RULES = [
    *(f"C{n}" for n in range(1, 18)),
    *(f"G{n}" for n in range(1, 20)),
    *(f"F{n}" for n in range(1, 8)),
]
OF_NO_CHOICE = ["F8", "F9", "F10", "F11"]
"""Rules of which the policy file chooses nothing."""
DOC = ROOT / "docs" / "how-we-read-the-tables.md"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy()


@pytest.fixture
def changed(tmp_path):
    """The shipped policy with edits of its text: every `old` replaced."""

    def change(*edits: tuple[str, str]) -> Policy:
        text = DEFAULT.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "policy.toml"
        file.write_text(text)
        return load_policy(file)

    return change


def found(policy, kind):
    return [(finding.rule, finding.plans, finding.text) for finding in findings(policy) if finding.kind == kind]


# The effective table: (contract, target), each as people read it.

FIRST_RESPONSE = {
    "free": [("48 h", None)] * 5,
    "standard": [("4 h", "15 min wall"), ("8 h", "1 h"), ("8 h", "4 h"), ("8 h", "8 h"), ("8 h", "24 h")],
    "premium": [("1 h", "15 min wall"), ("4 h", "1 h"), ("4 h", "4 h"), ("4 h", "8 h"), ("4 h", "24 h")],
    "enterprise": [
        ("15 min", "15 min wall"),
        ("1 h", "1 h"),
        ("1 h", "4 h"),
        ("1 h", "8 h"),
        ("1 h", "24 h"),
    ],
}
FIVE = "{} h (5 business days)"
RESOLUTION = {
    "free": [(None, None)] * 5,
    "standard": [
        ("48 h", "4 h wall"), ("48 h", "8 h"), ("48 h", FIVE.format(40)), ("48 h", FIVE.format(40)), (None, None),
    ],
    "premium": [
        ("24 h", "4 h wall"), ("24 h", "8 h"), ("24 h", "48 h"), ("24 h", FIVE.format(80)), (None, None),
    ],
    "enterprise": [
        ("8 h", "4 h wall"), ("8 h", "8 h"), ("8 h", "48 h"), ("8 h", FIVE.format(120)), (None, None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("plan", Plan)
@pytest.mark.parametrize("metric", PROMISED)
def test_c1_c2_c7_c9_c13_the_effective_table_is_what_customers_get(policy, plan, metric):
    expected = (FIRST_RESPONSE if metric is Metric.FIRST_RESPONSE else RESOLUTION)[plan]
    lines = {line.priority: line for line in effective_table(policy) if (line.plan, line.metric) == (plan, metric)}
    shown = [
        (line.contract and line.contract.text, line.target and line.target.text)
        for line in (lines[priority] for priority in Priority)
    ]
    assert shown == expected


def test_each_cell_knows_where_it_stands_its_hours_and_its_clock(policy):
    lines = {(line.plan, line.priority, line.metric): line for line in effective_table(policy)}
    critical = lines[Plan.ENTERPRISE, Priority.P0, Metric.FIRST_RESPONSE]
    assert critical.contract is not None
    assert critical.target is not None
    assert (critical.contract.source, critical.contract.hours) == ("plans.enterprise.critical_response", 0.25)
    assert (critical.contract.clock, critical.target.clock) == ("plan", "wall")
    overtaken = lines[Plan.STANDARD, Priority.P2, Metric.RESOLUTION].target
    assert overtaken is not None
    assert (overtaken.source, overtaken.hours) == ("priorities.P3.resolution", 40)
    best_effort = lines[Plan.FREE, Priority.P0, Metric.FIRST_RESPONSE].contract
    assert best_effort is not None
    assert best_effort.binding is False


# Findings of the shipped policy.


def test_c9_p2_is_later_than_p3_on_the_business_hours_of_standard_and_nowhere_else(policy):
    assert found(policy, "contradiction") == [
        (
            "C9",
            (Plan.STANDARD,),
            "priorities.P2.resolution can be later than priorities.P3.resolution on business hours: "
            "the earlier of the two counts",
        )
    ]


def test_g5_bugs_that_leave_by_the_sprint_backlog_against_a_contract_of_hours_are_exposures(policy):
    bugs = "P2 and P3 bugs leave by the sprint backlog, but the contract resolves them within"
    assert found(policy, "exposure") == [
        ("G5", (Plan.PREMIUM,), f"{bugs} 24 h of extended hours (plans.premium.resolution)"),
        ("G5", (Plan.ENTERPRISE,), f"{bugs} 8 h of always hours (plans.enterprise.resolution)"),
    ]


def test_c1_where_the_contract_is_the_tighter_it_is_said_so(policy):
    told = [(plans, text) for rule, plans, text in found(policy, "note") if rule == "C1"]
    notes = {(plan, text.split(" comes")[0]) for (plan,), text in told}
    assert notes == {
        (Plan.STANDARD, "the contract's first response of P4"),
        (Plan.PREMIUM, "the contract's first response of P3 and P4"),
        (Plan.PREMIUM, "the contract's resolution of P2 and P3"),
        (Plan.ENTERPRISE, "the contract's first response of P2, P3 and P4"),
        (Plan.ENTERPRISE, "the contract's resolution of P2 and P3"),
    }


def test_nothing_in_the_shipped_policy_is_unattainable(policy):
    assert found(policy, "unattainable") == []


def test_the_gravest_comes_first(policy):
    kinds = [finding.kind for finding in findings(policy)]
    assert kinds == sorted(kinds, key=["contradiction", "exposure", "unattainable", "note"].index)


# Findings of policies that somebody edited.


def test_c9_a_wall_target_below_a_plan_target_overtakes_it_at_night_only_and_is_found(changed):
    policy = changed(
        ('response = "8h"\nresolution = "5', 'response = { time = "9h", clock = "wall" }\nresolution = "5')
    )
    assert {(rule, plans) for rule, plans, text in found(policy, "contradiction") if "P2.response" in text} == {
        ("C9", (Plan.STANDARD, Plan.PREMIUM))
    }


def test_c9_without_the_contradiction_there_is_no_finding(changed):
    assert (
        found(
            changed(('response = "4h"\nresolution = "48h"', 'response = "4h"\nresolution = "40h"')),
            "contradiction",
        )
        == []
    )


def test_c2_a_critical_response_that_is_longer_than_the_first_is_a_contradiction(changed):
    policy = changed(('critical_response = "1h"', 'critical_response = "5h"'))
    assert (
        "C2",
        (Plan.PREMIUM,),
        "plans.premium.critical_response is longer than plans.premium.first_response",
    ) in found(policy, "contradiction")


def test_c1_a_response_that_is_longer_than_the_resolution_is_a_contradiction(changed):
    policy = changed(('first_response = "1h"', 'first_response = "9h"'))
    assert (
        "C1",
        (Plan.ENTERPRISE,),
        "plans.enterprise.first_response is longer than plans.enterprise.resolution",
    ) in found(policy, "contradiction")


def test_f2_a_credit_for_what_cannot_be_breached_is_a_contradiction(changed):
    policy = changed(("credit_percent = 0         #", "credit_percent = 5         #"))
    assert (
        "F2",
        (Plan.FREE,),
        "plans.free.credit_percent is never owed: no cell of the plan can be breached",
    ) in found(policy, "contradiction")


def test_c13_an_unpaid_plan_that_can_be_breached_is_an_exposure(changed):
    policy = changed(('first_response = { time = "48h", best_effort = true }', 'first_response = "48h"'))
    assert ("C13", (Plan.FREE,)) in [(rule, plans) for rule, plans, _ in found(policy, "exposure")]


def test_f5_a_breach_that_is_told_in_the_morning_is_an_exposure(changed):
    policy = changed(('csm = "email" }, quiet_hours = "send"', 'csm = "email" }, quiet_hours = "hold"'))
    text = "notices.contract_breach waits for the end of the quiet hours; clocks do not"
    assert ("F5", (), text) in found(policy, "exposure")


def test_g6_a_guess_that_outlasts_the_critical_response_is_unattainable(changed):
    policy = changed(('guess = "5m"', 'guess = "15m"'))
    unattainable = found(policy, "unattainable")
    assert {rule for rule, _, _ in unattainable} == {"G6"}
    assert (
        "G6",
        (Plan.ENTERPRISE,),
        "plans.enterprise.critical_response is due before a guessed P0 pages, after 15 min (contract)",
    ) in unattainable


def test_g6_an_area_that_a_rule_says_and_the_list_of_areas_does_not_have_is_an_exposure(changed):
    said = "classification.rules.api says the area 'API', which is none of incidents.areas"
    text = f"{said}: its incidents are the service's"
    assert ("G6", (), text) not in found(changed(), "exposure")
    assert ("G6", (), text) in found(changed(("areas = []", 'areas = ["billing", "reports"]')), "exposure")
    listed = changed(("areas = []", 'areas = ["billing", "reports", "dashboard", "API"]'))
    assert not [line for line in found(listed, "exposure") if line[0] == "G6"]


def test_g6_an_area_is_found_whatever_its_capitals_and_spaces_and_all_others_are_the_service(changed):
    rules = changed(("areas = []", 'areas = ["Check out", "API"]')).incidents
    said = ("check  OUT", "API ", "api", "apis", "", "x" * 200)
    assert [rules.place(area) for area in said] == ["Check out", "API", "API", "", "", ""]
    assert changed().incidents.place("anything") == "anything"


def test_g6_an_on_call_of_an_area_that_is_not_listed_would_never_be_called(changed):
    searching = ('"*" = "on-call"', 'Search = "sre"\n"*" = "on-call"')
    assert changed(searching).incidents.on_call["Search"] == "sre"
    with pytest.raises(PolicyError, match=r"incidents\.on_call\.Search: incidents\.areas has no 'Search'"):
        changed(("areas = []", 'areas = ["API"]'), searching)


def test_g1_a_resolution_within_the_t1_limit_is_unattainable(changed):
    policy = changed(('t1_limit = "15m"', 't1_limit = "8h"'))
    sources = {text.split()[0] for _, _, text in found(policy, "unattainable")}
    assert sources == {"plans.enterprise.resolution", "priorities.P0.resolution", "priorities.P1.resolution"}


@pytest.mark.parametrize(
    ("edit", "rule", "text"),
    [
        (('calendar = "extended"', 'calendar = "business"'), "C3", "calendars.extended is used by no plan"),
        (
            ('critical = ["P0"]', "critical = []"),
            "C2",
            "no priority is critical: critical_response never applies",
        ),
        (('churn = { to = { csm = "email" }', "churn = { to = {}"), "F5", "notices.churn goes to nobody"),
        (
            ('churn = { to = { csm = "email" }', 'churn = { to = { csm = "chat" }'),
            "F5",
            "notices go by email to csm and customer: the relay needs SMTP_HOST and NOTICE_ADDRESSES, or NOTICE_URL, "
            "and does not start without (`tierline policy notices`)",
        ),
        (
            ('t1_mode = "enforce"', 't1_mode = "observe"'),
            "G2",
            "limits.t1_mode is observe: overruns of the T1 limit are counted, and nothing moves by itself",
        ),
    ],
)
def test_what_is_worth_knowing_is_a_note(changed, edit, rule, text):
    assert (rule, (), text) in found(changed(edit), "note")


# Choices, and the document that tells them at length.


def test_f6_without_limits_nothing_is_refunded_and_agents_with_limits_approve_each_other(changed):
    limits = 'lead = { EUR = "200.00", USD = "200.00" }\nfinance = { EUR = "5000.00", USD = "5000.00" }\n'
    none = changed((limits, ""))
    assert ("F6", (), "refunds.limits is empty: no refund can be requested") in found(none, "note")
    assert {choice.rule: choice.text for choice in choices(none)}["F6"] == "Refunds: none, no role has a limit."
    agents = changed((limits, 'agent = { EUR = "20.00", JPY = 3000 }\n'))
    text = (
        "refunds.limits: agents approve each other's refunds, up to 20.00 EUR and 3,000 JPY on a ticket, "
        "and no lead sees them"
    )
    assert ("F6", (), text) in found(agents, "exposure")
    assert [line for line in found(changed(), "exposure") if line[0] == "F6"] == []


def test_f1_a_shared_csm_is_somebody_and_a_team_has_accounts(changed):
    named = 'shared = "customer-success"\n'
    nobody = changed((named, ""))
    text = "csm is shared, and customer_success.shared names nobody: notices go to whoever has the part csm"
    assert ("F1", ("premium",), text) in found(nobody, "exposure")
    assert nobody.shared_plans() == ()
    unshared = changed(('csm = "shared"', 'csm = "named"'))
    text = "customer_success.shared is customer-success, and no plan has a shared CSM"
    assert ("F1", (), text) in found(unshared, "note")
    assert [line for kind in ("exposure", "note") for line in found(changed(), kind) if line[0] == "F1"] == []


def test_f1_members_of_the_team_are_those_that_it_names_else_all_success_managers(changed):
    everybody = changed().customer_success
    assert [everybody.has("carla", role) for role in (Role.CSM, Role.LEAD)] == [True, False]
    few = changed(("members = []", 'members = ["carla"]')).customer_success
    assert [few.has(person, Role.CSM) for person in ("carla", "otto", "customer-success")] == [True, False, True]
    assert few.has("carla", Role.LEAD)
    with pytest.raises(PolicyError, match="of which team"):
        changed(('shared = "customer-success"\nmembers = []', 'members = ["carla"]'))


@pytest.mark.parametrize(
    ("limit", "fault"),
    [
        ("{ EUR = 200.5 }", 'write an amount as text, such as "200.00"'),
        ('{ EUR = "200.005" }', "EUR has 2 digits after the point"),
        ('{ JPY = "200.5" }', "JPY has no digits after the point"),
        ('{ EUX = "200" }', "no currency of ISO 4217"),
        ('{ eur = "200" }', "write EUR"),
        ('{ EUR = "-1" }', "no sign"),
        ('"200 EUR"', "is no table of limits"),
    ],
)
def test_f6_a_limit_that_is_no_amount_of_a_currency_is_a_fault_of_the_file(changed, limit, fault):
    with pytest.raises(PolicyError, match=re.escape(fault)):
        changed(('lead = { EUR = "200.00", USD = "200.00" }', f"lead = {limit}"))


def test_f6_limits_need_reasons(changed):
    reasons = 'reasons = ["charged_twice", "wrong_amount", "charged_after_cancelling", "not_delivered", "goodwill"]\n'
    with pytest.raises(PolicyError, match="name the reasons"):
        changed((reasons, ""))


def test_every_rule_has_one_choice_in_order(policy):
    assert [choice.rule for choice in choices(policy)] == RULES


def test_choices_say_the_values_of_the_policy_at_hand(changed):
    policy = changed(('t1_limit = "15m"', 't1_limit = "20m"'), ('critical = ["P0"]', 'critical = ["P0", "P1"]'))
    said = {choice.rule: choice.text for choice in choices(policy)}
    assert said["G1"] == "Tier 1 troubleshoots 20 min at most, from the first take."
    assert said["C2"] == "Critical: P0 and P1."


def test_every_rule_has_its_place_in_how_we_read_the_tables():
    assert re.findall(r"^- \*\*([CGF]\d+)\*\*", DOC.read_text(), flags=re.MULTILINE) == RULES + OF_NO_CHOICE


# The command.


def run(*args):
    return CliRunner().invoke(app, ["check", *map(str, args)])


def test_check_prints_table_choices_and_findings_and_ends_with_zero():
    result = run()
    assert result.exit_code == 0
    for text in (
        "Standard: contract and target, in business hours",
        "15 min wall",
        "C14",
        "contradiction C9 standard:",
    ):
        assert text in result.output
    assert result.output.rstrip().endswith("Policy default-1 is valid; findings: 12.")


def test_check_as_json_says_the_same_for_machines(policy):
    result = run("--json", DEFAULT)
    report = json.loads(result.output)
    assert (result.exit_code, report["ok"], report["version"]) == (0, True, "default-1")
    assert len(report["table"]) == len(Plan) * len(Priority) * len(PROMISED)
    assert [choice["rule"] for choice in report["choices"]] == RULES
    assert len(report["findings"]) == len(findings(policy)) + len(list(place_findings(policy)))


def test_check_of_a_broken_file_names_every_fault_on_its_own_line_and_ends_with_one(tmp_path):
    file = tmp_path / "policy.toml"
    text = (
        DEFAULT.read_text().replace("tickets = 2", "tickets = 0").replace('calendar = "always"', 'calender = "always"')
    )
    file.write_text(text)
    lines = text.split("\n")
    calender, tickets = lines.index('calender = "always"') + 1, lines.index("tickets = 0") + 1
    result = run(file)
    assert result.exit_code == 5
    assert result.stderr.splitlines() == [
        f"{file}:{calender}: plans.enterprise.calender: unknown key: calendar is meant?",
        f"{file}:{tickets}: churn.tickets: 0 should be greater than or equal to 1",
    ]
    as_json = run("--json", file)
    assert as_json.exit_code == 5
    assert json.loads(as_json.stdout)["errors"][1] == {
        "file": str(file),
        "line": tickets,
        "key": "churn.tickets",
        "reason": "0 should be greater than or equal to 1",
    }


def test_check_of_a_file_that_is_not_there_is_one_line(tmp_path):
    result = run(tmp_path / "none.toml")
    assert result.exit_code == 5
    assert result.stderr == f"{tmp_path / 'none.toml'}:1: cannot be read: No such file or directory\n"


# How people say it.


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=15), "15 min"),
        (timedelta(hours=48), "48 h"),
        (timedelta(hours=1, minutes=30), "1 h 30 min"),
        (timedelta(seconds=7.5), "7.5 s"),
        (timedelta(minutes=2, seconds=24), "2 min 24 s"),
        (timedelta(0), "0 s"),
    ],
)
def test_a_length_is_said_as_people_say_it(length, said):
    assert spell(length) == said


def test_days_are_said_on_the_wall_only():
    assert (spell_days(timedelta(days=3)), spell(timedelta(days=3))) == ("3 days", "72 h")
    assert spell_days(timedelta(hours=36)) == "36 h"


def test_words_are_listed_with_an_and():
    assert [names(["a"]), names(["a", "b"]), names(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
