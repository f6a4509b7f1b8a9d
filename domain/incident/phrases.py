"""An incident in a few words: the headline, the composed update, an instant, an effect."""

from datetime import UTC, datetime

from domain.aggregate.effect import kind_in
from domain.incident.state import workflow_id


def headline(number: int, priority: str, product_area: str, *, drill: bool = False) -> str:
    """Return what a page, a room and a list say first."""
    mark = "DRILL, nobody is needed: " if drill else ""
    return f"{mark}{priority} in {product_area or 'the service'}: {workflow_id(number)}"


def composed(status: str, impact: str, doing: str, workaround: str, next_update: datetime) -> str:
    """Return the one text of an update, for the room, the issue and the customers."""
    parts = (("", status), ("Impact: ", impact), ("What is being done: ", doing), ("Workaround: ", workaround))
    lines = [f"{label}{text.strip()}" for label, text in parts if text.strip()]
    return "\n".join([*lines, f"Next update by {instant_text(next_update)}."])


def instant_text(at: datetime | None) -> str:
    """Return an instant for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "-"


EFFECTS: dict[str, str] = {
    "page": "page",
    "page_elsewhere": "page by the second channel",
    "acknowledge_pages": "acknowledging its pages",
    "end_pages": "ending its pages",
    "close": "freeing its area for the next incident",
    "room": "message in the room",
    "issue": "issue of the incident",
    "issue_note": "comment on the issue",
    "review_issue": "issue of the review",
    "action_issue": "issue of an action",
    "catch_up": "notifying its tickets",
}
"""Each kind of effect, as people read it."""


def effect_in_words(key: str) -> str:
    """Return what the effect `key` does, for a person: `comment on the issue` of `incident-7:issue_note:4`."""
    return EFFECTS.get(kind_in(key), key)
