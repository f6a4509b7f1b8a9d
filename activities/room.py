"""The incident room."""

from temporalio import activity

from activities.support.failures import as_temporal_failures
from domain.incident.state import workflow_id
from integrations.chat.room import RoomMessage, RoomPort
from workflows import ports


class RoomActivities:
    """A message may be shown twice: its number shows that it is the same."""

    def __init__(self, room: RoomPort | None) -> None:
        """None: there is no room, and nothing is said."""
        self._room = room

    @activity.defn(name=ports.POST_TO_ROOM.name)
    def post_to_room(self, request: ports.RoomRequest) -> ports.Nothing:
        if self._room is None:
            return ports.Nothing()
        mark = f"{'DRILL ' if request.drill else ''}{workflow_id(request.number)} #{request.seq}"
        everyone = request.everyone and not request.drill
        with as_temporal_failures():
            self._room.post(RoomMessage(mark=mark, text=request.text, everyone=everyone))
        return ports.Nothing()
