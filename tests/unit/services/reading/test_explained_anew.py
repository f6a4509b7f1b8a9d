"""C1: what explains a clock is kept while the clock stays as it is, and made anew when the clock changes."""

from datetime import timedelta

from services.reading.explained import explained
from tests.support.ticket_life import Life, life

HOUR = timedelta(hours=1)


def instants_of_clocks(one: Life) -> list[tuple[str | None, str | None]]:
    return [(clock["due"], clock["met_at"]) for clock in explained(one.ticket)["clocks"]]


def test_c1_an_explanation_is_of_the_clocks_as_they_stand_now() -> None:
    one = life("explained-1")
    before = instants_of_clocks(one)
    assert instants_of_clocks(one) == before
    one.do("take", HOUR).do("respond", text="We look at it.")
    met = instants_of_clocks(one)
    assert [met_at for _, met_at in before] == [None] * 4
    assert sum(met_at is not None for _, met_at in met) == 2
    one.do("wait", question="Which browser?")
    assert sum(due is None for due, _ in instants_of_clocks(one)) == 2
    one.do("reply", 2 * HOUR, by="customer", role="customer", text="This one.")
    assert instants_of_clocks(one) != met
    assert all(due for due, _ in instants_of_clocks(one))


def test_c1_who_changes_an_explanation_changes_nobody_elses_list() -> None:
    one = life("explained-2")
    explained(one.ticket)["clocks"].clear()
    assert len(explained(one.ticket)["clocks"]) == 4
