"""A policy file that is wrong says so in one line: file, line number, key, reason."""

import re

import pytest

from services.policy_file.load import DEFAULT, MAX_BYTES, MAX_FAULTS, PolicyError, load_policy
from services.policy_file.toml_lines import line_of, parse
from tests.support.root import ROOT

SHIPPED = DEFAULT.read_text()


@pytest.fixture
def faults_of(tmp_path):
    """The faults of a text, as (text of the line, key, reason)."""

    def load(text: str):
        file = tmp_path / "policy.toml"
        file.write_text(text)
        with pytest.raises(PolicyError) as caught:
            load_policy(file)
        error = caught.value
        first = error.faults[0]
        assert str(error).startswith(f"{file}:{first.line}: ")
        assert "\n" not in str(error)
        lines = text.split("\n")
        return [(lines[fault.line - 1], fault.key, fault.reason) for fault in error.faults]

    return load


def edited(old: str, new: str) -> str:
    """The shipped file with the first `old` after the explanations at its top replaced."""
    top, version, rest = SHIPPED.partition("\nversion =")
    assert old in version + rest
    return top + (version + rest).replace(old, new, 1)


def test_the_shipped_file_is_the_one_at_the_projects_top():
    assert DEFAULT.resolve() == ROOT / "policy.toml"
    assert load_policy() == load_policy(DEFAULT)


BROKEN = {
    # what is wrong: (old, new, key, reason)
    "a rule with a slip": (
        'urgency = "low"\n\n[classification.rules.integration]',
        'urgncy = "low"\n\n[classification.rules.integration]',
        "classification.rules.how-to.urgncy", "unknown key",
    ),
    "a team whose shift is no calendar": (
        'tiers = ["T2"]\n\n[routing.teams.support]', 'shift = "weekends"\n\n[routing.teams.support]',
        "routing.teams.specialists.shift",
        "there is no calendar 'weekends'",
    ),
    "a resolution of Jira's that is listed twice": (
        '"Done" = "solved"', '"fixed" = "solved"', "jira.resolutions.fixed",
        "is listed twice: capitals make no difference",
    ),
    "a resolution that tickets do not have": (
        '"Done" = "solved"', '"Done" = "fixed"', "jira.resolutions.Done", "",
    ),
    "a unit that is none": (
        'resolution = "48h"', 'resolution = "48 hours"', "plans.standard.resolution",
        "'48 hours' is no time: write \"15m\", \"4h\" or \"5 business days\"",
    ),
    "a number without a unit": (
        'first_response = "8h"', "first_response = 8", "plans.standard.first_response",
        '8 is no cell: write "4h", "5 business days" or "none", or a table with `time`',
    ),
    "days in a cell": (
        'resolution = "24h"', 'resolution = "3d"', "plans.premium.resolution",
        "'3d' is unclear here: write hours, or \"3 business days\"",
    ),
    "a time of nothing": (
        't1_limit = "15m"', 't1_limit = "0m"', "limits.t1_limit",
        "'0m' is out of range: more than nothing, and at most 366 days",
    ),
    "a time of centuries": (
        'quiet = "3d"', 'quiet = "99999d"', "limits.quiet",
        "'99999d' is out of range: more than nothing, and at most 366 days",
    ),
    "a cell that outlasts the calendar": (
        'resolution = "48h"', 'resolution = "2500h"', "plans.standard.resolution",
        "takes over a year of business hours, which are those of plans.standard",
    ),
    "business days that outlast the calendar": (
        '"5 business days"', '"300 business days"', "priorities.P3.resolution",
        "takes over a year of business hours, which are those of plans.standard",
    ),
    "C4: business days on the wall": (
        'resolution = "5 business days"', 'resolution = { time = "5 business days", clock = "wall" }',
        "priorities.P3.resolution.clock", "business days are counted on the plan's calendar, never on the wall",
    ),
    "C3: a clock that is none": (
        'clock = "wall"', 'clock = "support"', "priorities.P0.response.clock",
        "'support' should be 'plan' or 'wall'",
    ),
    "C13: best effort is for plans": (
        '\nresponse = "1h"', '\nresponse = { time = "1h", best_effort = true }', "priorities.P1.response.best_effort",
        "unknown key",
    ),
    "G6: an area that is listed twice": (
        "areas = []", 'areas = ["API", "api"]', "incidents.areas",
        "write each area once: capitals make no difference",
    ),
    "G6: fewer incidents than none": (
        "opened_by_one = 3", "opened_by_one = -1", "incidents.opened_by_one", "",
    ),
    "a misspelt key": (
        'critical_response = "4h"', 'critcal_response = "4h"', "plans.standard.critcal_response",
        "unknown key: critical_response is meant?",
    ),
    "F3: a target of nothing that is counted": (
        "[targets]", "[targets]\nhappiness = 90", "targets.happiness",
        "there is no such target: write one of first_response_kept, resolution_kept, satisfaction, self_serve",
    ),
    "F3: a target over all there is": (
        "[targets]", "[targets]\nsatisfaction = 101", "targets.satisfaction", "less than or equal to 100",
    ),
    "an unknown table": (
        "[churn]", "[chrun]", "chrun", "unknown key: churn is meant?",
    ),
    "an unknown plan": (
        "[plans.premium]", "[plans.gold]", "plans.gold",
        "'gold' should be 'free', 'standard', 'premium' or 'enterprise'",
    ),
    "a word for a truth": (
        "paid = true", 'paid = "yes"', "plans.standard.paid", "'yes' should be a valid boolean",
    ),
    "a channel that is none": (
        'channels = ["email", "chat", "phone"]', 'channels = ["email", "chat", "fax"]', "plans.premium.channels",
        "'fax' should be",
    ),
    "a calendar that is not there": (
        'calendar = "extended"', 'calendar = "longer"', "plans.premium.calendar",
        "there is no calendar 'longer', only business, extended, always",
    ),
    "F2: a credit of more than everything": (
        "credit_percent = 10", "credit_percent = 110", "plans.enterprise.credit_percent",
        "110 should be less than or equal to 100",
    ),
    "F2: a credit that is no number": (
        "credit_percent = 10", "credit_percent = nan", "plans.enterprise.credit_percent",
        "nan should be a finite number",
    ),
    "25:00": (
        '"09:00-17:00"', '"09:00-25:00"', "calendars.business.hours.mon-fri",
        "'09:00-25:00' holds a time that no day has: 00:00 to 24:00",
    ),
    "a window that ends before it starts": (
        '"09:00-17:00"', '"17:00-09:00"', "calendars.business.hours.mon-fri",
        "'17:00-09:00' ends before it starts: a night shift is two windows, one to 24:00 and one from 00:00",
    ),
    "windows that overlap": (
        '"09:00-17:00"', '"09:00-12:00", "11:30-17:00"', "calendars.business.hours.mon-fri",
        "two windows overlap at 11:30",
    ),
    "a window that is none": (
        '"09:00-17:00"', '"9-17"', "calendars.business.hours.mon-fri",
        "'9-17' is no window: write \"09:00-17:00\"",
    ),
    "a window without its list": (
        '["09:00-17:00"]', '"09:00-17:00"', "calendars.business.hours.mon-fri",
        "'09:00-17:00' is no list of windows: write [\"09:00-17:00\"]",
    ),
    "a day that is none": (
        "{ mon-fri", "{ mon-frei", "calendars.business.hours.mon-frei",
        "'mon-frei' is no day: write mon ... sun, or a range such as mon-fri",
    ),
    "a day that is given twice": (
        '{ mon-fri = ["09:00-17:00"] }', '{ mon-fri = ["09:00-17:00"], wed = [] }',
        "calendars.business.hours.wed", "wed is given twice",
    ),
    "a week that runs backwards": (
        "{ mon-fri", "{ fri-mon", "calendars.business.hours.fri-mon",
        "'fri-mon' runs backwards: a week goes from mon to sun; name the days singly",
    ),
    "a calendar that never opens": (
        '{ mon-fri = ["09:00-17:00"] }', "{ mon-fri = [] }", "calendars.business.hours",
        "the calendar never opens",
    ),
    "a zone that cannot be one": (
        'zone = "Europe/Berlin"', 'zone = "../etc/passwd"', "calendars.business.zone",
        "is not an IANA time zone, as Europe/Berlin is",
    ),
    "a zone that is none": (
        'zone = "Europe/Berlin"', 'zone = "Europe/Nowhere"', "calendars.business.zone",
        "'Europe/Nowhere' is not an IANA time zone, as Europe/Berlin is",
    ),
    "a country that is none": (
        'holidays = "DE"', 'holidays = "XX"', "calendars.business.holidays",
        "no holidays are known for the country 'XX'",
    ),
    "a region that is none": (
        'holidays = "DE"', 'holidays = "DE-XX"', "calendars.business.holidays",
        "DE has no region 'XX'",
    ),
    "C11: warnings out of order": (
        "warnings = [50, 75, 90]", "warnings = [75, 50, 90]", "limits.warnings",
        "write them in ascending order, each once",
    ),
    "C11: a warning after the end": (
        "warnings = [50, 75, 90]", "warnings = [50, 100]", "limits.warnings",
        "100 should be less than or equal to 99",
    ),
    "G2: a note at the limit": (
        't1_notes = ["10m", "13m"]', 't1_notes = ["10m", "15m"]', "limits.t1_notes",
        "a note comes before the T1 limit, not at it or after it",
    ),
    "G3: a field that nobody can fill": (
        '"customer_impact"', '"customer_mood"', "gates.t2", "'customer_mood' should be",
    ),
    "G4: a field that both gates ask for": (
        '"workaround_status"', '"steps_taken"', "gates.t3", "steps_taken is asked for twice",
    ),
    "F5: an audience that is none": (
        "warning = { to = { assignee =", "warning = { to = { everybody =", "notices.warning.to.everybody",
        "'everybody' should be",
    ),
    "F5: quiet hours of no day": (
        'from = "20:00"', 'from = "24:00"', "quiet_hours.from",
        "'24:00' is no time of day: write \"00:00\" to \"23:59\"",
    ),
    "F5: quiet hours of nowhere": (
        'to = "08:00"\nzone = "Europe/Berlin"', 'to = "08:00"\nzone = "Europe/Nowhere"', "quiet_hours.zone",
        "'Europe/Nowhere' is not an IANA time zone, as Europe/Berlin is",
    ),
    "a version with a line break": (
        'version = "default-1"', 'version = "default\\n1"', "version",
        "may hold letters, digits and . _ -, and nothing else",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_named_with_its_line_its_key_and_the_reason(faults_of, what):
    old, new, key, reason = BROKEN[what]
    text = edited(old, new)
    [(line, named, why)] = faults_of(text)
    changed = next(now for was, now in zip(SHIPPED.split("\n"), text.split("\n"), strict=True) if was != now)
    assert line == changed
    assert named.startswith(key)
    assert reason in why


DIGEST = {
    "notices": '["week_report"]',
    "audiences": '["lead"]',
    "times": '["08:00", "16:00"]',
    "zone": '"Europe/Berlin"',
}


def with_digest(**changed: str) -> str:
    """The shipped policy with a digest, some keys of which are changed."""
    rows = [f"{key} = {value}" for key, value in (DIGEST | changed).items()]
    return edited("[quiet_hours]", "\n".join(["[digest]", *rows, "[quiet_hours]"]))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("notices", '["week_report", "warning"]', "warning does not wait"),
        ("notices", '["no_such"]', "there is no notice 'no_such'"),
        ("notices", '["week_report", "churn"]', "churn goes to none of"),
        ("notices", '["week_report", "week_report"]', "each once"),
        ("audiences", '["lead", "boss"]', "'boss' gets none of"),
        ("audiences", '["lead", "customer"]', "a customer gets each notice by itself"),
        ("times", '["16:00", "08:00"]', "in ascending order, 24 at most"),
        ("times", '["24:00"]', "is no time of day"),
        ("times", "[]", "name one at least"),
        ("zone", '"Europe/Nowhere"', "is not an IANA time zone"),
    ],
)
def test_f5_a_digest_that_cannot_be_is_named_with_its_line_and_the_reason(faults_of, key, value, reason):
    [(line, named, why)] = faults_of(with_digest(**{key: value}))
    assert line == f"{key} = {value}"
    assert named.startswith(f"digest.{key}")
    assert reason in why


def test_f5_the_shipped_policy_has_no_digest_and_one_may_be_added(tmp_path):
    assert load_policy(DEFAULT).digest is None
    file = tmp_path / "policy.toml"
    file.write_text(with_digest())
    digest = load_policy(file).digest
    assert digest is not None
    assert digest.times == (480, 960)


def test_a_missing_cell_is_named_at_the_head_of_its_table(faults_of):
    text = re.sub(r'(\[plans.standard\](?:\n.+)*?)\nresolution = "48h"', r"\1", SHIPPED)
    assert faults_of(text) == [("[plans.standard]", "plans.standard.resolution", "is missing")]


@pytest.mark.parametrize(
    ("table", "name"),
    [("plans.premium", "plans"), ("priorities.P4", "priorities")],
)
def test_a_missing_plan_or_priority_is_named(faults_of, table, name):
    text = re.sub(rf"\[{table}\]\n(.+\n)+", "", SHIPPED)
    [(_, key, why)] = faults_of(text)
    assert (key, why) == (name, f"{table} is missing")


def test_f5_a_notice_that_is_left_out_is_named_since_nobody_would_hear_of_it(faults_of):
    text = re.sub(r"^t1_reminder = .*\n", "", SHIPPED, flags=re.MULTILINE)
    assert faults_of(text) == [("[notices]", "notices", "notices.t1_reminder is missing")]


def test_an_empty_file_lacks_every_table(faults_of):
    assert {key for _, key, why in faults_of("") if why == "is missing"} >= {
        "version",
        "plans",
        "limits",
        "gates",
    }


def test_all_faults_are_told_at_once_causes_first_and_in_order_of_lines(faults_of):
    text = edited("t1_limit", "t1_limits").replace("tickets = 2", "tickets = 0")
    text = text.replace('debt = "30m"             ', "", 1)
    assert [(key, why) for _, key, why in faults_of(text)] == [
        ("limits.t1_limits", "unknown key: t1_limit is meant?"),
        ("churn.tickets", "0 should be greater than or equal to 1"),
        ("limits.debt", "is missing"),
    ]


def test_each_calendar_of_a_place_that_does_not_exist_is_named(faults_of):
    text = SHIPPED.replace('zone = "Europe/Berlin"', 'zone = "Europe/Nowhere"')
    assert [key for _, key, _ in faults_of(text)] == [
        "calendars.business.zone",
        "calendars.extended.zone",
        "calendars.always.zone",
        "quiet_hours.zone",
        "report.zone",
    ]


def test_the_one_line_says_how_many_more_faults_there_are(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(edited("tickets = 2", "tickets = 0").replace('version = "default-1"', 'version = ""'))
    with pytest.raises(PolicyError, match=r"and 1 more: tierline policy check"):
        load_policy(file)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a = 1\nb == 2\n", 2, "not TOML: Invalid value"),
        ("a = 1\na = 2\n", 2, "not TOML: Cannot overwrite a value"),
        ("[limits\n", 1, "not TOML: Expected ']' at the end of a table declaration"),
        ("a = 1\nb = [\n  1,\n", 4, "not TOML: Invalid value"),
        ("a = 1\n\nb = " + "9" * 5000, 3, "not TOML: a number with too many digits"),
        ("a = 1\nb = " + "[" * 50_000, 2, "not TOML: nested too deeply"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(tmp_path, text, line, reason):
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert str(caught.value) == f"{file}:{line}: {reason}"


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert str(caught.value) == f"{file}:2: holds bytes that are not UTF-8 text: save it as UTF-8"


def test_a_file_that_is_not_there_or_no_file_is_said_so(tmp_path):
    for file, reason in ((tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(PolicyError) as caught:
            load_policy(file)
        assert str(caught.value) == f"{file}:1: cannot be read: {reason}"


def test_a_file_without_bounds_is_not_read(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(PolicyError, match="is larger than 64 KiB"):
        load_policy(file)


def test_a_file_of_nothing_but_faults_is_answered_with_the_first_ones(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text("\n".join(f"key{number} = 1" for number in range(4000)))
    with pytest.raises(PolicyError) as caught:
        load_policy(file)
    assert len(caught.value.faults) == MAX_FAULTS


def test_a_key_with_a_line_break_in_it_stays_on_one_line(faults_of):
    [(_, key, _)] = faults_of(SHIPPED.replace("[plans.free]", '"a\\nb" = 1\n[plans.free]', 1))
    assert key == r"'a\nb'"


LINES = '''\
a = 1
b = [
  1,
]
[c]
d = { e = 2 }
[c.f]
g = """
h = 1
"""
i.j = 3
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("a",), 1),
        (("b",), 2),
        (("b", 0), 2),
        (("c",), 5),
        (("c", "d", "e"), 6),
        (("c", "d", "missing"), 6),
        (("c", "f"), 7),
        (("c", "f", "g"), 8),
        (("c", "f", "i", "j"), 11),
        (("missing",), 1),
        ((), 1),
    ],
)
def test_a_key_stands_on_the_line_where_it_begins(key, line):
    assert parse(LINES)["c"]["f"]["g"] == "h = 1\n"
    assert line_of(LINES, key) == line
