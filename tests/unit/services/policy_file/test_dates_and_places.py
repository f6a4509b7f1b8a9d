"""C15, C16: single dates in the policy file, and whose public holidays count."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from holidays import list_supported_countries

from cli.policy import report
from domain.calendars.places import NONE, UNKNOWN
from domain.core.enums import Plan
from domain.policy.check import opening_hours
from domain.ticket.state import Account
from services.intake.enrichment import faults_of
from services.policy_file.load import DEFAULT, PolicyError, load_policy, resolve_terms
from services.policy_file.places import calendar_unclear, place_findings, place_of
from services.policy_file.zones import country_of

SHIPPED = DEFAULT.read_text(encoding="utf-8")
WEEK = 'hours = { mon-fri = ["09:00-17:00"] }'
HOUR = timedelta(hours=1)


@pytest.fixture
def policy_of(tmp_path):
    """Load the shipped policy with business hours of one's own."""

    def load(hours: str = 'mon-fri = ["09:00-17:00"]', text: str = SHIPPED, mark: str = ""):
        file = tmp_path / "policy.toml"
        file.write_text(mark + text.replace(WEEK, f"hours = {{ {hours} }}", 1), encoding="utf-8")
        return load_policy(file)

    return load


def hours_of(policy, at: str = "2026-12-01T00:00:00+01:00", **account):
    account = {"id": "acme", "plan": Plan.STANDARD} | account
    return resolve_terms(policy, Account(**account), datetime.fromisoformat(at)).calendar


def due(calendar, start: str, hours: float) -> str:
    return calendar.local(calendar.add(datetime.fromisoformat(start), timedelta(hours=hours))).isoformat()


def test_c15_a_half_day_ends_at_noon(policy_of):
    calendar = hours_of(policy_of('mon-fri = ["09:00-17:00"], "2026-12-24" = ["09:00-12:00"]'))
    assert due(calendar, "2026-12-24T11:00:00+01:00", 2) == "2026-12-28T10:00:00+01:00"  # 25 and 26 are holidays


def test_c15_a_date_of_every_year_is_closed_in_every_year(policy_of):
    calendar = hours_of(policy_of('mon-fri = ["09:00-17:00"], "12-31" = []'))
    assert due(calendar, "2026-12-30T16:00:00+01:00", 2) == "2027-01-04T10:00:00+01:00"
    assert due(calendar, "2027-12-30T16:00:00+01:00", 2) == "2028-01-03T10:00:00+01:00"


def test_c15_an_extra_working_day_opens_a_saturday_and_a_holiday(policy_of):
    policy = policy_of('mon-fri = ["09:00-17:00"], "2026-12-12" = ["10:00-14:00"], "2026-12-25" = ["10:00-11:00"]')
    calendar = hours_of(policy)
    assert due(calendar, "2026-12-11T16:00:00+01:00", 2) == "2026-12-12T11:00:00+01:00"
    assert due(calendar, "2026-12-24T16:00:00+01:00", 2) == "2026-12-25T11:00:00+01:00"


def test_c15_dates_count_in_the_accounts_own_zone(policy_of):
    policy = policy_of('mon-fri = ["09:00-17:00"], "2026-12-24" = ["09:00-12:00"]')
    calendar = hours_of(policy, zone="America/New_York")
    assert due(calendar, "2026-12-24T11:00:00-05:00", 2) == "2026-12-28T10:00:00-05:00"


def test_c15_make_up_saturdays_are_open_where_the_holidays_package_knows_them(policy_of):
    calendar = hours_of(policy_of(), zone="Asia/Shanghai", at="2026-01-05T00:00:00+08:00")
    assert calendar.is_open(datetime.fromisoformat("2026-02-14T10:00:00+08:00"))
    assert not calendar.is_open(datetime.fromisoformat("2026-02-07T10:00:00+08:00"))  # any other Saturday
    assert due(calendar, "2026-02-13T16:00:00+08:00", 2) == "2026-02-14T10:00:00+08:00"
    at = datetime.fromisoformat("2026-02-14T10:00:00+08:00")
    (stretch,) = calendar.stretches(at, at + HOUR)
    assert stretch.label == "working day in place of a holiday"


def test_c15_a_date_of_ones_own_closes_a_make_up_saturday(policy_of):
    policy = policy_of('mon-fri = ["09:00-17:00"], "2026-02-14" = []')
    calendar = hours_of(policy, zone="Asia/Shanghai", at="2026-01-05T00:00:00+08:00")
    assert not calendar.is_open(datetime.fromisoformat("2026-02-14T10:00:00+08:00"))


def test_c15_why_a_day_is_closed_or_half_is_named_by_its_place_in_the_policy(policy_of):
    policy = policy_of('mon-fri = ["09:00-17:00"], "2026-12-23" = [], "12-24" = ["09:00-12:00"]')
    calendar = hours_of(policy)
    start = datetime.fromisoformat("2026-12-23T09:00:00+01:00")
    told = [(one.kind.value, one.label) for one in calendar.stretches(start, start + 33 * HOUR)]
    assert told == [
        ("holiday", "calendars.business.hours.2026-12-23"),
        ("own_hours", "calendars.business.hours.12-24"),
        ("open", "calendars.business.hours.12-24"),
        ("own_hours", "calendars.business.hours.12-24"),
    ]


def test_c15_the_check_shows_weeks_and_dates(policy_of):
    policy = policy_of(
        'mon-thu = ["09:00-12:00", "13:00-17:00"], sat = ["10:00-12:00"], "12-24" = ["09:00-12:00"], "12-31" = []'
    )
    found = opening_hours(policy)[0]
    assert (found.calendar, found.week) == ("business", "mon-thu 09:00-12:00 and 13:00-17:00, sat 10:00-12:00")
    assert found.dates == {"12-24": "09:00-12:00", "12-31": "closed"}
    assert report(policy)["calendars"][0]["dates"] == found.dates


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("2026-02-30", "'2026-02-30' is no date: write \"2026-12-24\", or \"12-24\" for every year"),
        ("24.12.2026", "'24.12.2026' is no date: did you mean 2026-12-24?"),
        ("24.12.", "'24.12.' is no date: did you mean 12-24?"),
        ("24-12", "'24-12' is no date: did you mean 12-24?"),
        ("2026/12/24", "'2026/12/24' is no date: did you mean 2026-12-24?"),
        ("12-4", "'12-4' is no date: did you mean 12-04?"),
        ("12/24", "'12/24' is no date: write \"2026-12-24\""),
        ("Mon - Fri", "'Mon - Fri' is no day: write mon ... sun, or a range such as mon-fri: did you mean mon-fri?"),
    ],
)  # fmt: skip
def test_c15_what_is_no_date_is_named_with_its_line_and_what_may_be_meant(policy_of, key, reason):
    with pytest.raises(PolicyError) as caught:
        policy_of(f'mon-fri = ["09:00-17:00"], "{key}" = []')
    (fault,) = caught.value.faults
    line = 1 + SHIPPED[: SHIPPED.index(WEEK)].count("\n")
    assert (fault.line, fault.key) == (line, f"calendars.business.hours.{key}")
    assert fault.reason.startswith(reason)


@pytest.mark.parametrize("windows", ['["09:00"]', '["12:00-09:00"]', '"closed"', '["09:00-12:00", "11:00-13:00"]'])
def test_c15_windows_of_a_date_are_checked_as_those_of_a_week(policy_of, windows):
    with pytest.raises(PolicyError, match=r"calendars\.business\.hours\.12-24"):
        policy_of(f'mon-fri = ["09:00-17:00"], "12-24" = {windows}')


def test_c15_so_many_dates_that_tickets_would_grow_are_refused(policy_of):
    dates = ", ".join(f'"{year}-12-24" = []' for year in range(2020, 2121))
    with pytest.raises(PolicyError, match="at most 100 dates, and there are 101"):
        policy_of(f'mon-fri = ["09:00-17:00"], {dates}')


def test_c15_closed_days_as_a_list_are_refused_with_how_they_are_written(policy_of):
    text = SHIPPED.replace(WEEK, f'{WEEK}\nclosed = ["2026-12-24"]', 1)
    with pytest.raises(PolicyError, match=r'unknown key: a single date is a key of hours: "2026-12-24" = '):
        policy_of(text=text)


def test_c16_only_what_the_whole_country_has_counts_where_no_region_is_given_and_that_is_said(policy_of):
    policy, start = policy_of(), "2027-03-25T15:00:00+00:00"
    country = hours_of(policy, zone="Europe/London", at="2027-03-01T00:00:00+00:00")
    england = hours_of(policy, zone="Europe/London", region="GB-ENG", at="2027-03-01T00:00:00+00:00")
    assert due(country, start, 8) == "2027-03-29T15:00:00+01:00"  # Easter Monday: not in Scotland
    assert due(england, start, 8) == "2027-03-30T15:00:00+01:00"
    said = place_of("DE", "Europe/London", None).unclear
    assert said.startswith("the regions of GB differ in their public holidays, and none is given: only what the whole")
    assert said.endswith("say the region, as GB-ENG, GB-NIR, GB-SCT, GB-WLS")
    assert place_of("DE", "Europe/London", "GB-ENG").unclear == ""
    assert place_of("DE", "Europe/London", "GB").unclear == said
    assert place_of("DE", "Europe/London", "UK").unclear == said.replace("GB", "UK")
    scotland = hours_of(policy, zone="Europe/London", region="UK-SCT", at="2027-03-01T00:00:00+00:00")
    assert due(scotland, start, 8) == "2027-03-29T15:00:00+01:00"  # Good Friday only


@pytest.mark.parametrize("zone", ["Europe/Zurich", "Australia/Sydney", "America/Toronto", "America/New_York", "gb"])
def test_c16_a_country_whose_regions_differ_is_said(zone):
    assert "differ in their public holidays" in place_of("DE", zone, None).unclear


@pytest.mark.parametrize("zone", ["Europe/Dublin", "Asia/Singapore", "Asia/Tokyo", "Asia/Shanghai", "Europe/Warsaw"])
def test_c16_a_country_whose_regions_are_alike_needs_no_region(zone):
    place = place_of("DE", zone, None)
    assert (len(place.holidays), place.unclear) == (2, "")


@pytest.mark.parametrize("zone", ["UTC", "CET", "Etc/GMT+5", "EST5EDT"])
def test_c16_a_zone_without_a_country_has_no_holidays_and_that_is_said(policy_of, zone):
    place = place_of("DE", zone, None)
    assert place == (NONE, f"no public holidays count: the zone {zone} lies in no country; say the region, as DE-BY")
    calendar = hours_of(policy_of(), zone=zone)
    assert (calendar.closed, calendar.holidays) == ((), UNKNOWN)
    assert calendar_unclear(calendar.holidays, calendar.zone) == place.unclear


def test_c16_the_holidays_of_every_country_that_has_a_zone_are_known():
    zones = [name for name in files("tzdata").joinpath("zones").read_text().split() if name != "Factory"]
    assert {country_of(zone) for zone in zones} - {None} <= set(list_supported_countries())


def test_c16_a_calendar_without_holidays_stays_without_and_nothing_is_due(policy_of):
    assert place_of("none", "Europe/London", None) == (NONE, "")
    calendar = hours_of(policy_of(), plan=Plan.ENTERPRISE, zone="CET")
    assert (calendar.holidays, calendar_unclear(calendar.holidays, calendar.zone)) == (NONE, "")


def test_c16_the_policys_own_calendars_are_said_to_need_a_region(policy_of):
    found = {one.text.partition(":")[0]: one for one in place_findings(policy_of())}
    assert set(found) == {"calendars.business.holidays", "calendars.extended.holidays"}  # DE
    assert (found["calendars.business.holidays"].rule, found["calendars.business.holidays"].plans) == (
        "C16", (Plan.FREE, Plan.STANDARD),
    )  # fmt: skip
    (britain, _) = place_findings(policy_of(text=SHIPPED.replace('holidays = "DE"', 'holidays = "UK"', 1)))
    assert britain.text.startswith("calendars.business.holidays: the regions of UK differ in their public holidays")
    bavaria = policy_of(text=SHIPPED.replace('holidays = "DE"', 'holidays = "DE-BY"'))
    assert list(place_findings(bavaria)) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("de-by", "'de-by' is no region: write DE-BY"),
        ("None", "'None' is no region: write \"none\""),
        ("Germany", "'Germany' is no region: write a country, as \"DE\", or a region of it, as \"DE-BY\""),
        ("DE_BY", "'DE_BY' is no region: write DE-BY"),
    ],
)  # fmt: skip
def test_c16_a_place_that_is_written_in_another_way_is_named_in_words_in_policy_and_import(policy_of, said, reason):
    with pytest.raises(PolicyError) as caught:
        policy_of(text=SHIPPED.replace('holidays = "DE"', f'holidays = "{said}"', 1))
    assert [(fault.key, fault.reason) for fault in caught.value.faults] == [("calendars.business.holidays", reason)]
    account = Account(id="acme", plan=Plan.STANDARD, region=said)
    assert faults_of(policy_of(), account) == {"region": reason}


def test_c16_a_zone_by_its_name_of_windows_is_the_canonical_one(policy_of):
    policy = policy_of(text=SHIPPED.replace('zone = "Europe/Berlin"', 'zone = "W. Europe Standard Time"', 1))
    assert hours_of(policy).zone == "Europe/Berlin"


def test_c16_a_zone_that_there_is_not_is_named_in_words(policy_of):
    with pytest.raises(PolicyError, match=r"'Europe/Berln' is not an IANA time zone, .* did you mean Europe/Berlin\?"):
        policy_of(text=SHIPPED.replace('zone = "Europe/Berlin"', 'zone = "Europe/Berln"', 1))


def test_c16_the_calendar_of_a_ticket_says_which_databases_it_is_from(policy_of):
    calendar = hours_of(policy_of(), region="DE-BY")
    assert calendar.holidays == "DE-BY"
    assert calendar.time_zones.startswith("20")


def test_a_policy_with_a_mark_at_its_start_is_read(policy_of):
    assert policy_of(mark="\ufeff").version == "default-1"


def test_holidays_of_a_year_are_those_of_the_day_on_which_the_account_opened_its_ticket(policy_of):
    assert hours_of(policy_of(), at="2026-12-31T23:00:00+00:00").horizon == datetime(2030, 1, 1, tzinfo=UTC)
