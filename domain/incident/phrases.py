"""An incident in a few words: the headline, the composed update, an instant."""

from datetime import UTC, datetime

from domain.incident.state import workflow_id


def headline(number: int, priority: str, product_area: str, *, drill: bool = False) -> str:
    """What a page, a room and a list say first."""
    mark = "DRILL, nobody is needed: " if drill else ""
    return f"{mark}{priority} in {product_area or 'the service'}: {workflow_id(number)}"


def composed(status: str, impact: str, doing: str, workaround: str, next_update: datetime) -> str:
    """The one text of an update, for the room, the issue and the customers."""
    parts = (("", status), ("Impact: ", impact), ("What is being done: ", doing), ("Workaround: ", workaround))
    said = [f"{label}{text.strip()}" for label, text in parts if text.strip()]
    return "\n".join([*said, f"Next update by {shown(next_update)}."])


def shown(at: datetime | None) -> str:
    """An instant for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "-"
