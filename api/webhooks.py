"""What other systems send. A delivery is stored before it is acted on; its sender is answered at once."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request

from api.parts import PartsOf
from api.problems import documented
from domain.core.values import Frozen

router = APIRouter(tags=["webhooks"])


class Kept(Frozen):
    """What became of a delivery."""

    new: int
    """How much of it was new: 0 for a repeat, and for what is nothing to us."""
    ticket: str | None
    """The id of the ticket that it opens or is about, where the delivery says that."""


@router.post(
    "/webhooks/{name}",
    status_code=202,
    operation_id="receive_webhook",
    responses=documented("unreadable", "unauthenticated", "not_found", "malformed", "too_large", "unavailable"),
)
async def receive(
    name: Annotated[str, Path(max_length=40, description="The source, such as jira.")], request: Request, parts: PartsOf
) -> Kept:
    """Take a signed delivery of another system.

    Who may send is proven by the signature over the raw body, and that it is fresh, by its time. The same delivery
    again is dropped. It is stored before it is acted on, so 202 means that it will be.
    """
    headers = {key.lower(): value for key, value in request.headers.items()}
    longest = parts.deliveries.expect(name, headers)
    received = await parts.deliveries.receive(name, headers, await _body(request, longest))
    return Kept(new=received.new, ticket=received.ticket)


async def _body(request: Request, longest: int) -> bytes:
    """Read the body, and no more of it than its source sends. Raises HTTPException."""
    if int(request.headers.get("content-length", 0)) > longest:
        raise HTTPException(413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            raise HTTPException(413)
    return bytes(body)
