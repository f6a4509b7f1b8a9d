"""A worker or relay as impatient as a test: `python -m tests.support.impatient worker`.

In earnest it takes half a minute or more until Temporal takes an attempt for lost, and minutes until nobody waits
for an issue that may still turn up. Here all of that takes seconds; nothing else is different.

`CHAOS_WITHOUT` switches one protection off, for the negative controls: the same story then shows doubles.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import activities.pager as pager
import activities.tracker.exactly_once as once
import workers.worker as worker
from cli.main import main
from integrations.chat.client import WebhookSink
from integrations.chat.port import Message
from integrations.pager.port import PageRef
from store import tracker_links
from tests.support.deadlocks import be_patient
from tests.support.durations import SECOND
from workers.relay import Relay
from workflows import ports

LOST = 5 * SECOND
"""When an attempt of a killed worker counts as lost."""
LEASE = float(os.environ.get("CHAOS_LEASE", "2")) * SECOND
"""How long an issue may still turn up, and a notice is with the relay that claimed it."""


def hurry() -> None:
    """Make the long waits short, but for what depends on how busy the machine is."""
    be_patient()
    for name, port in vars(ports).items():
        if isinstance(port, ports.Port):
            retry = replace(port.retry, initial_interval=SECOND / 5, maximum_interval=SECOND)
            setattr(ports, name, replace(port, start_to_close=LOST, retry=retry))
    worker.Worker = partial(worker.Worker, sticky_queue_schedule_to_start_timeout=SECOND)  # type: ignore[misc,assignment,attr-defined]
    _set_default(tracker_links.begin, "grace", LEASE)
    tracker_links.post_again.__defaults__ = (LEASE,)
    once.LOOK_AGAIN = SECOND / 2
    _set_default(Relay.__init__, "lease", LEASE)


def switch_off(protection: str) -> None:
    """Work without one protection."""
    match protection:
        case "looking before posting again":
            once.Once._found = lambda *_: None  # type: ignore[assignment,method-assign]
        case "one id for all tries of a notice":
            send = WebhookSink.send

            def send_as_new(self: WebhookSink, message: Message) -> None:
                send(self, message.model_copy(update={"id": f"{message.id}:{uuid4().hex}"}))

            WebhookSink.send = send_as_new  # type: ignore[method-assign]
        case "one key for all tries of a page":
            ref = pager._ref

            def ref_as_new(page: ports.Page) -> PageRef:
                known = ref(page)
                return known.model_copy(update={"dedup_key": f"{known.dedup_key}:{uuid4().hex}"})

            pager._ref = ref_as_new
        case _:
            raise SystemExit(f"there is no protection {protection!r}")


def _set_default(function: Any, name: str, value: Any) -> None:
    assert name in function.__kwdefaults__
    function.__kwdefaults__[name] = value


if __name__ == "__main__":
    hurry()
    if protection := os.environ.get("CHAOS_WITHOUT"):
        switch_off(protection)
    sys.argv[0] = "tierline"
    main()
