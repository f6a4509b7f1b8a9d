"""The field's words: every enumeration that support, engineering and finance share. The values stand in
histories, journals and search attributes, so they are never renamed."""

from enum import StrEnum


class Plan(StrEnum):
    """The customer's contract."""

    FREE = "free"
    STANDARD = "standard"
    PREMIUM = "premium"
    ENTERPRISE = "enterprise"


class Priority(StrEnum):
    """How much it hurts, from P0 (service down for all) to P4 (a request)."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Tier(StrEnum):
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"


class Status(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Channel(StrEnum):
    EMAIL = "email"
    CHAT = "chat"
    PHONE = "phone"
    IN_APP = "in-app"
    SLACK = "slack"
    TEAMS = "teams"


class Category(StrEnum):
    BUG = "bug"
    HOW_TO = "how-to"
    FEATURE = "feature"
    BILLING = "billing"
    ACCOUNT = "account"
    INTEGRATION = "integration"
    CANCELLATION = "cancellation"
    """The customer wants to leave (F11)."""


class Health(StrEnum):
    """How the customer's account is doing, as customer success sees it."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Resolution(StrEnum):
    SOLVED = "solved"
    WORKAROUND = "workaround"
    WONT_FIX = "wont_fix"
    DUPLICATE = "duplicate"
    FEATURE_REQUEST = "feature_request"


class Metric(StrEnum):
    FIRST_RESPONSE = "first_response"
    RESOLUTION = "resolution"
    NEXT_RESPONSE = "next_response"
    """C14: from a customer's message to the next one of a person. Off unless a plan promises it."""


PROMISED = (Metric.FIRST_RESPONSE, Metric.RESOLUTION)
"""The metrics that the tables give every ticket."""


class Side(StrEnum):
    """Whose promise a clock counts (C1): the plan's row or the priority's."""

    CONTRACT = "contract"
    TARGET = "target"


class Role(StrEnum):
    """What somebody may do. `system` is Tierline itself, or what acts by itself in another system; `customer` is the
    person who asked; `bot` a program that speaks for itself, where an integration carries the words of people."""

    AGENT = "agent"
    LEAD = "lead"
    ENGINEER = "engineer"
    CSM = "csm"
    FINANCE = "finance"
    OPS = "ops"
    ADMIN = "admin"
    INTEGRATION = "integration"
    BOT = "bot"
    CUSTOMER = "customer"
    SYSTEM = "system"


class SlaState(StrEnum):
    NONE = "none"
    ON_TRACK = "on_track"
    WARNED = "warned"
    TARGET_MISSED = "target_missed"
    BREACHED = "breached"
    PAUSED = "paused"


class WaitsOn(StrEnum):
    """Who or what has to move before the ticket can."""

    AGENT = "agent"
    CUSTOMER = "customer"
    ESCALATION = "escalation_due"
    TRACKER = "jira"
    INCIDENT = "incident"
    PAGER = "pager"
    ENGINEERING = "engineering"
    NOBODY = "nobody"


class IncidentWaitsOn(StrEnum):
    """Who or what has to move before the incident can. It stands in the same search attribute as `WaitsOn`."""

    PAGER = "pager"
    RESPONDERS = "responders"
    REVIEW = "review"
    NOBODY = "nobody"
