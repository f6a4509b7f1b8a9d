"""How varied the work of people was."""

from domain.report.variety import Worked, varieties
from domain.report.week import Share


def test_areas_and_categories_are_counted_by_ticket_in_the_order_of_names() -> None:
    found = varieties(
        [
            Worked("Zoe", "1", "exports", "bug"),
            Worked("ada", "1", "exports", "bug"),
            Worked("ada", "1", "exports", "bug"),  # taken twice
            Worked("ada", "2", "exports", "how-to"),
            Worked("ada", "3", "billing", "billing"),
            Worked("ada", "4", "", "how-to"),
        ]
    )
    assert [one.person for one in found] == ["ada", "Zoe"]
    ada = found[0]
    assert (ada.tickets, ada.areas, ada.categories) == (4, 3, 3)
    assert (ada.largest_area, ada.in_area) == ("exports", Share(count=2, of=4))
    assert (ada.largest_category, ada.in_category) == ("how-to", Share(count=2, of=4))


def test_of_several_that_are_as_large_the_first_by_name_is_named() -> None:
    areas = ("reports", "sync", "exports", "billing", "calendar", "tills", "keys", "people")
    (found,) = varieties([Worked("ada", area, area, f"about {area}") for area in areas])
    assert (found.largest_area, found.largest_category) == ("billing", "about billing")


def test_of_nobody_nothing_is_said() -> None:
    assert varieties([]) == ()
