"""The order in which Temporal serves tickets that wait for a worker: by priority (G10), and within one by account."""

import hashlib

from temporalio.common import Priority as TaskPriority

from domain.core.enums import Priority

INCIDENT = TaskPriority(priority_key=1)
"""The place of an incident's workflow tasks and activities: before those of every ticket. Thousands of urgent tickets
may join one incident, and they need it: while it waits behind them, nobody is paged, told or answered."""


def task_priority(priority: Priority, account: str = "") -> TaskPriority:
    """Return how a ticket's workflow tasks and activities are served while more of them wait than workers can take.

    A more urgent ticket goes first, and after every incident. Among tickets of one priority each account has its turn,
    so that one with a thousand tickets does not delay one with a single ticket. The account is named by a digest, since
    Temporal shows this key in plain; without `account`, the key of the workflow stays as it is.
    """
    key = hashlib.sha256(account.encode()).hexdigest()[:16] if account else None
    return TaskPriority(priority_key=2 + list(Priority).index(priority), fairness_key=key)
