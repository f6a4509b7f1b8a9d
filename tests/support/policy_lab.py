"""The policy lab of the desk, as a lead uses it."""

from domain.core.enums import Role
from services.policy_file.load import DEFAULT
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api
from tests.support.waiting import until

SHIPPED = DEFAULT.read_text()
TRIED = SHIPPED.replace('t1_limit = "15m"', 't1_limit = "14m"', 1)
OVER = ("go another way", "It failed")
"""What the page of a backtest says once it has ended, and once it has failed."""


async def at_lab(api: Api) -> tuple[Visitor, dict[str, str]]:
    """A lead at the form, and its hidden fields."""
    visitor = Visitor(api)
    await visitor.sign_in(Role.LEAD)
    page = await visitor.get("/desk/lab")
    assert page.status_code == 200, page.text
    assert "Version default-1 is valid." in page.text
    return visitor, visitor.hidden(page, "/desk/lab")


async def run_trial(visitor: Visitor, hidden: dict[str, str], **fields: str) -> str:
    """Run a backtest of `TRIED`, and return the address of its page once it has ended."""
    started = await visitor.post("/desk/lab", hidden | {"do": "run", "policy": TRIED} | fields)
    assert started.status_code == 303, started.text
    place: str = started.headers["Location"]

    async def over() -> bool:
        page = (await visitor.get(place)).text
        return any(word in page for word in OVER)

    await until(over, "the backtest has ended")
    return place


async def id_of_a_trial(api: Api, account: str) -> str:
    """Run a backtest over the tickets of an account, or of all of them, and return its id."""
    visitor, hidden = await at_lab(api)
    return (await run_trial(visitor, hidden, account=account, days="3", by="plan")).rsplit("/", 1)[1]
