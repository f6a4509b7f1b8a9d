"""A14: a subscriber to events that there are not would wait for ever, so it is refused at the start."""

import json
from typing import Any, cast

import pytest

from workers.bootstrap import sinks
from workers.settings import Settings, SettingsError

SUBSCRIBER = {"name": "crm", "url": "https://crm.example.com/hook", "secret": "whsec_" + "A" * 32}
NO_DATABASE = cast(Any, None)


def subscribed(*events: str) -> Settings:
    return Settings.model_validate({"WEBHOOK_SUBSCRIBERS": json.dumps([SUBSCRIBER | {"events": events}])})


def test_a14_an_event_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SettingsError, match=r"there is no event 'resolvd'; did you mean resolved\?"):
        sinks(subscribed("opened", "resolvd"), NO_DATABASE)


def test_a14_events_that_there_are_are_taken() -> None:
    (sink,) = sinks(subscribed("opened", "resolved", "lapsed"), NO_DATABASE)
    assert sink.destination.events == ("opened", "resolved", "lapsed")
