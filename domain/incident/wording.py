"""An incident in words: one line for each event. Ids, and what people wrote."""

from domain.aggregate.event import Envelope
from domain.incident import events as e
from domain.incident.phrases import headline, instant_text
from domain.incident.state import Incident


def line(incident: Incident, event: Envelope) -> str:
    """Return what `event` is in the room and on the issue. `incident` is as the event left it. Empty for what nobody
    reads."""
    words = "\n".join(text for name, text in event.texts.items() if name != "update")
    sentence = _line(incident, event)
    return f"{sentence}\n{words}" if sentence and words else sentence


_RINGS_AGAIN = {
    "unacknowledged": "The acknowledgement at the pager has timed out",
    "reopened": "The page was opened again at the pager",
    "escalated": "The page was passed on at the pager, and rings for somebody else",
}
"""After what nobody has a page any more."""


def _line(incident: Incident, event: Envelope) -> str:
    body, by = event.body, event.actor.id
    match body:
        case e.Declared():
            title = headline(body.number, body.priority, body.product_area, drill=body.drill)
            return f"{title} was declared. Commander: {incident.commander}."
        case e.Unanswered():
            return "Everybody on the ladder was paged, and nobody has acknowledged."
        case e.Acknowledged():
            return "Acknowledged at the pager." if body.by_pager else f"Acknowledged by {by}."
        case e.PagerActed(lapsed=True):
            return f"{_RINGS_AGAIN[body.what]}: nobody has it, and the ladder goes on."
        case e.PagerActed() if body.what in _RINGS_AGAIN:
            return f"{_RINGS_AGAIN[body.what]}. Who has the incident, has it."
        case e.PagerActed(what="resolved"):
            return "A page was closed at the pager by no person: nobody has it, and the ladder goes on."
        case e.PagerActed():
            return f"A page was {body.what} at the pager by no person: nobody has it, and the ladder goes on."
        case e.Mitigated():
            return f"Mitigated, says {by}: the customers' pain is gone."
        case e.UpdatePosted():
            return f"Update {body.number} by {by}\n{event.texts.get('update', '')}"
        case e.UpdateApproved():
            return f"Update {body.number} goes out to the customers: approved by {by}."
        case e.UpdateMissed(times=1):
            return f"An update is due. {incident.communications or incident.commander}, please."
        case e.UpdateMissed():
            return f"An update is late since {instant_text(incident.update_due)}. {incident.terms.manager} is told."
        case e.HandedOver():
            return f"Commander is now {body.to}, no longer {body.frm}."
        case e.CommunicationsAssigned():
            return f"{body.to} writes to the customers."
        case e.SeverityChanged():
            return f"Severity is now {body.new}, no longer {body.old}, says {by}."
        case e.TicketLeft():
            return f"ticket-{body.ticket} was not part of this."
        case e.Resolved():
            return f"Resolved, says {by}. The review is due by {instant_text(body.review_due)}."
        case e.Cancelled(why="lowered"):
            return "Cancelled: all its tickets were lowered before anybody had it."
        case e.Cancelled(why="empty"):
            return "Cancelled: no ticket is left in it."
        case e.Cancelled():
            return f"Cancelled by {by}."
        case e.ReviewDue():
            return f"The review is due since {instant_text(incident.review_due)}."
        case e.Reviewed():
            return f"Reviewed, says {by}."
        case _:
            return ""
