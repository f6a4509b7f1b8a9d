"""Whether the process lives, whether everything it needs does its part, and which version it is."""

from importlib.metadata import version

from fastapi import APIRouter

from api.callers import Reader
from api.parts import PartsOf
from api.problems import ALWAYS, Problem, documented
from domain.core.values import Frozen
from services.health import Check, health

router = APIRouter(tags=["health"])


class Alive(Frozen):
    alive: bool = True


class Ready(Frozen):
    """Everything does its part."""

    checks: list[Check]


class Version(Frozen):
    """What runs here."""

    tierline: str
    policy: str
    """The version of the policy that new tickets get."""
    temporal_sdk: str


@router.get("/livez", operation_id="livez")
async def livez() -> Alive:
    """Answer that the process is alive. It needs no token, and asks no other system."""
    return Alive()


@router.get("/readyz", operation_id="readyz", responses=documented(*ALWAYS))
async def readyz(_: Reader, parts: PartsOf) -> Ready:
    """Check the database, Temporal, and that each task queue has a worker. 503 names in `checks` what does not do its
    part.

    A clock of this host that is wrong is named as well, and stops nothing: what is stamped goes by the database's.
    """
    checks = await health(parts.db, parts.client)
    if ill := [check for check in checks if check.stops and not check.ok]:
        detail = "; ".join(f"{check.name}: {check.detail}" for check in ill)
        raise Problem(
            "unavailable", detail, headers={"Retry-After": "5"}, checks=[check.model_dump() for check in checks]
        )
    return Ready(checks=checks)


@router.get("/version", operation_id="version", responses=documented(*ALWAYS))
async def read_version(_: Reader, parts: PartsOf) -> Version:
    """Return which version of Tierline this is, and of what it decides by."""
    return Version(tierline=version("tierline"), policy=parts.policy, temporal_sdk=version("temporalio"))
