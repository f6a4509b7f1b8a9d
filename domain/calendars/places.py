"""C16: whose public holidays close a calendar is never guessed in silence.

Which country a zone lies in, and which regions of a country have holidays of their own, is data of the time-zone
database and the holidays package: whoever asks passes it.
"""

from collections.abc import Sequence
from typing import NamedTuple

NONE = "none"
"""The place of a calendar without public holidays."""
UNKNOWN = "unknown"
"""How a calendar names the place whose holidays count, where none is known for its zone."""
_NAMED = 4
"""So many regions are named as examples."""


class Place(NamedTuple):
    """Whose public holidays count."""

    holidays: str
    """A country (`DE`), a region of it (`DE-BY`), or `none`."""
    unclear: str = ""
    """What is not known, and what to do about it, for people; empty if all is known."""


def chosen_place(said: str, zone: str | None, region: str | None, country: str | None) -> str | None:
    """Return whose holidays count for an account with this `zone`, which lies in `country`, and this `region`, on a
    calendar whose policy says `said`; None if the zone lies in no country.

    A calendar without holidays stays without. Else the account's region counts, then the country of its zone, then
    what the policy says.
    """
    if said == NONE:
        return NONE
    return region or (country if zone else said)


def without_a_country(zone: str | None) -> Place:
    """Return the place of a zone that lies in no country."""
    return Place(NONE, f"no public holidays count: the zone {zone} lies in no country; say the region, as DE-BY")


def with_regions(place: str, regions: Sequence[str]) -> Place:
    """Return a place with what is not known of it: a region, if it is a country whose `regions` have holidays of their
    own. Only what the whole country has counts then."""
    if not regions:
        return Place(place)
    named = ", ".join(f"{place}-{region}" for region in regions[:_NAMED])
    more = " ..." if len(regions) > _NAMED else ""
    differ = f"the regions of {place} differ in their public holidays, and none is given"
    return Place(place, f"{differ}: only what the whole country has counts; say the region, as {named}{more}")
