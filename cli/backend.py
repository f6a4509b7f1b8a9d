"""How the CLI gets at tickets and incidents: by itself, or through an API where TIERLINE_API_URL names one.

Both ways take the same objects, answer the same objects, as the API has them in JSON, and fail with the same errors.
Neither way's code is imported where the other is used.
"""

import getpass
import os
from typing import Any, Protocol

from domain.core.enums import Role
from workers.settings import load_settings

Json = dict[str, Any]


class Backend(Protocol):
    """What the CLI can ask for. Everything raises Refused, and Unavailable or DatabaseDown for now.

    A `noun` is "ticket" or "incident", and `id` a ticket's id or an incident's number. `by` and `role` of a form or a
    command are only there where they were said.
    """

    def open(self, form: Json) -> Json: ...
    def declare(self, form: Json) -> Json: ...

    def handle(self, noun: str, id: str | int, name: str, payload: Json) -> Json:
        """Hand a command to a ticket or an incident, and return its answer."""

    def show(self, noun: str, id: Any, seq: int = 0) -> Json:
        """Return the view that `services.reading` makes, no older than event `seq`, with its `timeline`."""

    def explain(self, ticket: str) -> Json: ...

    def forecast(self, ticket: str, ask: Json) -> Json:
        """Return what comes of a ticket: `ask` is an `Ask` of `services.reading.forecast`."""

    def texts(self, ticket: str) -> Json:
        """List the texts of a ticket that are kept whole."""

    def text(self, ticket: str, id: str) -> Json:
        """Return one of them."""

    def queue(self, ask: Json) -> Json:
        """Return part of the queue, as `services.reading.lists.Listed`: `ask` is an `Ask` of that module."""

    def next_to_take(self, ask: Json) -> Json:
        """Return the `ticket` to take next, of those with the `tier`, `plans` and `team` of `ask`; and `why` this one,
        where `something_else` is asked for."""

    def search(self, ask: Json) -> Json:
        """Return tickets, open or not, as `services.reading.lists.Listed`: `ask` is a `Search` of that module."""

    def wanted(self, kind: str, by: str, limit: int) -> Json:
        """Return what customers wait for, as `services.reading.demand.Demand`."""

    def satisfaction(self, by: str, days: int) -> Json:
        """Return scores of satisfaction, as `services.survey.Scores`."""

    def incidents(self, ask: Json) -> Json: ...

    def templates(self) -> Json:
        """Return all reply templates with how each did, as `services.reply_templates.Templates`."""

    def template(self, name: str) -> Json: ...

    def preview_template(self, name: str, ticket: str | None) -> Json:
        """Return a template's text on a ticket, as `services.reply_templates.Preview`."""

    def add_template(self, form: Json) -> Json:
        """Write a new template: its fields, with `by` and `role` where they were said."""

    def edit_template(self, name: str, form: Json) -> Json:
        """Change a template: the fields that change, and the `version` that was looked at."""

    def retire_template(self, name: str, form: Json) -> Json:
        """Offer a template no more, or again, as `retired` says."""


def backend() -> Backend:
    """Return the way that the settings name. Raises SettingsError."""
    settings = load_settings()
    if settings.api_url is None:
        from cli.local_backend import LocalBackend

        return LocalBackend(settings)
    from cli.api_backend import ApiBackend

    return ApiBackend(settings.api_url, settings.token)


def whoever() -> Json:
    """Return who it is where nothing is said: whoever sits at the terminal, as an agent."""
    return {"by": login(), "role": Role.AGENT.value}


def me() -> str:
    """Return the name of whoever sits at the terminal, as commands give it."""
    return os.environ.get("TIERLINE_AGENT", "").strip() or login()


def login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "unknown"
