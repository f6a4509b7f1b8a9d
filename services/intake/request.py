"""What opens a ticket: the form (G11)."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic import Field as Bounded

from domain.aggregate.command import STAFF, malformed
from domain.core.enums import Category, Channel, Health, Plan, Priority, Role
from domain.core.ids import account_id
from domain.core.input_types import LongText, OneLine, Short, Text
from domain.core.refusal import Refused
from domain.core.size import check_size
from domain.core.values import Frozen, Instant
from domain.ticket.rules.classification import Impact, Urgency
from domain.ticket.state import Amount, Place
from services.intake import lenient
from services.intake.sources import CLI

TEXTS = ("subject", "description", "attachments")
"""What may be longer than an event keeps: then it is shortened, and the whole is kept beside it."""
OLDEST = timedelta(days=366)
"""How long ago a ticket may have come in, by the word of an integration: of older ones every clock has long run out."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200), OneLine]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200), OneLine, BeforeValidator(lenient.as_text)]
"""What another system calls something: text, or a number. Opening and commands read it alike, or they would mean two
tickets."""


def without_blanks(said: Any) -> Any:
    """Return what was said, without the fields that are null or empty: that is how many systems write that nothing is
    said."""
    if not isinstance(said, dict):
        return said
    kept = {name: value for name, value in said.items() if not _is_blank(value)}
    if isinstance(form := kept.get("form"), dict):
        kept["form"] = {name: value for name, value in form.items() if value is not None}
    if isinstance(tags := kept.get("tags"), list | tuple):
        kept["tags"] = [tag for tag in tags if not _is_blank(tag)]
    return kept


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


AccountId = Annotated[ExternalId, AfterValidator(account_id)]


class AccountForm(Frozen):
    """The customer, as whoever brings the ticket names it. What is known of the account wins over what is said here.

    Without a plan, and where no import named the account, it is unknown: Standard clocks, and flagged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    id: AccountId
    plan: Plan | None = None
    health: Health | None = None
    arr: Amount | None = None
    fee: Amount | None = None
    csm: Id | None = None
    zone: Place = None
    region: Place = None
    """A zone or region that does not exist is taken as not said, and stands on the ticket's timeline."""

    @model_validator(mode="before")
    @classmethod
    def _tidied(cls, account: Any) -> Any:
        account = without_blanks(account)
        if isinstance(account, dict) and isinstance(region := account.get("region"), str) and region.isascii():
            place = region.strip().upper().replace("_", "-")
            account["region"] = "none" if place == "NONE" else place
        return account


class OpenRequest(Frozen):
    """A ticket as it comes in (G11). The same `source` and `external_id` again is the same ticket.

    Category, priority, product area and language are classified by the policy's rules where they are not said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Id = CLI
    external_id: ExternalId
    account: AccountForm
    channel: Channel = Channel.EMAIL
    category: Category | None = None
    priority: Priority | None = None
    priority_guessed: bool = False
    """Nobody of support said so (G6). A P0 that a customer or an integration brings for an account that nobody knows is
    guessed in any case."""
    impact: Impact | None = None
    """How many are affected: with the urgency, it makes the priority."""
    urgency: Urgency | None = None
    product_area: Short = ""
    subject: LongText = ""
    description: LongText = ""
    message: LongText = ""
    """What one of ours writes to the customer for whom they open it: the first response (C5)."""
    attachments: LongText = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")] | None = None
    tags: tuple[Short, ...] = Bounded(default=(), max_length=50)
    form: dict[Id, Short] = Bounded(default={}, max_length=50)
    """What else the form says, for the policy's rules: `{"type": "incident"}`. It is not kept."""
    help_session: Short = ""
    """The visit of the help centre, or of the answers API, that ended in this ticket."""
    tried: tuple[Text, ...] = Bounded(default=(), max_length=20)
    """What a bot has tried with the customer before it handed over: each is a step taken (G3)."""
    transcript: Text = ""
    """What the customer and a bot said to each other."""
    parent: Short | None = None
    by: Id = "customer"
    role: Role = Role.CUSTOMER
    opened_at: Instant | None = None
    """When it came in, by our own stamp; now, if not given."""
    automatic: bool = False
    """C17: a machine of the customer's wrote it."""
    known_by: Short = ""
    """By what that was seen, such as a header."""
    unread: dict[str, str] = {}
    """What could not be read, by field: ours to say (`lenient`)."""

    _without_blanks = model_validator(mode="before")(without_blanks)

    @model_validator(mode="after")
    def _only_ours_answer(self) -> "OpenRequest":
        if self.message and self.role not in STAFF:
            raise ValueError("a message to the customer is one of ours to write: the role is of no agent")
        if self.tried and self.role is Role.CUSTOMER:
            raise ValueError("what was tried is for one of ours, a bot or an integration to say")
        return self

    @classmethod
    def parse(cls, payload: Any) -> "OpenRequest":
        """Return the request in a payload. Raises Refused (`too_large`, `malformed`) with every field that is
        wrong."""
        _check_size(payload)
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise malformed(error, model=cls) from None

    @classmethod
    def lenient(cls, payload: dict[str, Any], now: datetime) -> Self:
        """Return the request in the payload of a program that nobody watches: what only describes, and cannot
        be read, is taken as not said, and named in `unread`. Raises Refused for what is never guessed."""
        _check_size(payload)
        form, unread = lenient.tidied(without_blanks(payload)), dict[str, str]()
        if "tried" in form and form.get("role", Role.CUSTOMER) == Role.CUSTOMER:  # not the customer's to say
            unread["tried"] = lenient.short_text(form.pop("tried"))
        for _ in range(_ROUNDS):
            try:
                request = cls.model_validate(form | {"unread": unread})
            except ValidationError as error:
                try:
                    form, wrong = lenient.without(form, error)
                except ValidationError:
                    raise malformed(error, model=cls) from None
                unread |= wrong
                continue
            if request.opened_at and now - request.opened_at > OLDEST:
                unread["opened_at"] = lenient.short_text(form.pop("opened_at"))
                continue
            return request
        raise Refused("malformed", "the form cannot be read")


_ROUNDS = 8
"""How often a form is read again without what was wrong with it: account and form are looked at one after the other."""


def _check_size(payload: Any) -> None:
    """Raise Refused (`too_large`) for a form that is too large beside its texts, which may be long."""
    if isinstance(payload, dict):
        payload = {name: value for name, value in payload.items() if name not in TEXTS}
    check_size(payload, "the ticket")
