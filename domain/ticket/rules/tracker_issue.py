"""What events make of the link to the issue."""

from domain.ticket import events as e
from domain.ticket.state import JiraLink

HEARD = 200
"""How many of engineering's comments a ticket remembers: many more than one look at the issue brings."""
MOVES = 10
"""How many of its former keys a ticket remembers."""


def changed(link: JiraLink, body: e.JiraChanged, seq: int) -> JiraLink:
    """The link after what event `seq` says of the issue."""
    values = {name: getattr(body, name) for name in type(body).model_fields if name in JiraLink.model_fields}
    if body.was and body.was not in link.formerly:
        values["formerly"] = (*link.formerly, body.was)[-MOVES:]
    name_of_assignee = f"{seq}.assignee" if body.assignee else None
    return link.model_copy(update=values | {"url": body.url or link.url, "assignee_ref": name_of_assignee})


def heard(link: JiraLink, body: e.EngineeringSaid, seq: int) -> JiraLink:
    """The link after a comment for support, so that none is heard twice."""
    latest = sorted((link.heard | {body.comment: body.digest}).items(), key=lambda item: int(item[0]))
    return link.model_copy(update={"heard": dict(latest[-HEARD:]), "said_ref": f"{seq}.comment"})
