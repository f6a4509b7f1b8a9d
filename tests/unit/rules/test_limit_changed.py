"""G1, G6, C8: what changes of priority and terms do to Tier 1's fifteen minutes."""

from datetime import timedelta

from domain.clocks.terms import Terms
from tests.support.ticket_case import Case, at, given, limits, phoned, replace_terms, terms_of


def taken(plan: str = "standard", when: str = "09:00", **opened: object) -> Case:
    """Opened on the phone and taken in the same moment."""
    case = phoned(plan, at=when, **opened)
    case.do("take", at=when)
    return case


def handed_back(when: str = "10:00") -> Case:
    """A P0 that came back from engineering all the way to Tier 1, and was taken there."""
    case = given("standard", "P0")
    case.do("return", at="09:30", by="ed", reason="No fault of ours.")
    case.do("return", at="09:40", by="tom", reason="A setting.")
    case.do("take", at=when)
    return case


def test_g1_g6_a_p0_that_is_lowered_in_tier_1_has_its_fifteen_minutes_from_then():
    case = handed_back()
    case.wake("10:30")
    assert case.of("limit_reached") == []
    case.do("prioritise", at="10:30", priority="P2", reason="One user.")
    case.wake("10:44:59")
    assert case.of("limit_reached") == []
    case.wake("10:45")
    assert (case.when("limit_reached"), case.last("limit_reached").stay) == (at("10:45"), 2)
    night = handed_back()
    night.do("prioritise", at="20:00", priority="P2", reason="One user.")
    night.wake("Tue 12:00")
    assert night.when("limit_reached") == at("20:15")  # somebody is at work on it
    untaken = given("standard", "P0", priority_guessed=True)
    untaken.do("prioritise", at="09:02", priority="P2", reason="One user.")
    untaken.do("take", at="09:04")
    untaken.wake("09:30")
    assert untaken.when("limit_reached") == at("09:19")


def test_g1_c8_other_changes_of_priority_leave_the_limit_as_it_is():
    case = taken()
    case.do("prioritise", at="09:10", priority="P1", reason="No workaround.")
    case.do("prioritise", at="09:12", priority="P3", reason="Cosmetic.")
    case.wake("09:15")
    assert case.when("limit_reached") == at("09:15")
    free = taken("free", priority="P0")
    free.do("prioritise", at="09:10", priority="P3", reason="Cosmetic.")
    free.wake("09:15")
    assert free.when("limit_reached") == at("09:15")


def test_g1_c8_other_support_hours_keep_what_the_limit_has_used_up():
    case = taken(when="Fri 16:50")
    case.do("wait", at="Fri 16:54", question="Which browser?")
    case.do("reply", at="Fri 16:56", role="customer", text="Firefox")
    replace_terms(case, "Sat 12:00", terms_of("enterprise"), "enterprise")  # the night was no troubleshooting
    case.wake("Sat 12:06:59")
    assert case.of("limit_reached") == []
    case.wake("Sat 12:07")
    assert case.when("limit_reached") == at("Sat 12:07")
    waiting = taken()
    waiting.do("wait", at="09:05", question="Which browser?")
    replace_terms(waiting, "12:00", terms_of("enterprise"), "enterprise")
    waiting.do("reply", at="13:00", role="customer", text="Firefox")
    waiting.wake("14:00")
    assert waiting.when("limit_reached") == at("13:10")
    wall = taken(when="Sat 03:00")
    replace_terms(wall, "Sat 03:10", terms_of("enterprise"), "enterprise")
    wall.wake("Sat 04:00")
    assert wall.when("limit_reached") == at("Sat 03:15")
    reached = taken()
    reached.wake("09:20")
    replace_terms(reached, "Sat 12:00", terms_of("enterprise"), "enterprise")
    assert reached.ticket.stay.since == at("09:00")


def test_c8_a_limit_that_new_terms_move_into_the_past_is_due_at_the_change():
    case = given("standard", "P2", change=limits(t1_limit=timedelta(hours=1)))
    case.do("take", at="09:00")
    replace_terms(case, "09:40", terms_of("standard"))
    case.wake("09:40")
    assert case.last("limit_reached").due == at("09:40")
    assert not [e for e in case.events if getattr(e.body, "due", e.at) < e.at]


def test_g1_past_what_the_calendar_knows_the_limit_goes_on_as_it_was():
    def short(terms: Terms) -> Terms:
        return terms.model_copy(update={"calendar": terms.calendar.model_copy(update={"horizon": at("09:30")})})

    case = taken(change=short)
    replace_terms(case, "09:40", terms_of("standard"))
    assert case.ticket.stay.since == at("09:00")
