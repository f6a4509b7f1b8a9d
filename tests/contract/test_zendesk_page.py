"""A24: the Zendesk stand-in has a page on which a reader is the customer and the agent."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from integrations.standins.zendesk import SECRET, ZendeskControl, running
from integrations.standins.zendesk_state import AGENT, CUSTOMER
from tests.support.waiting import wait_until
from workers.embedded import free_port
from workers.local import python

ATTACK = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def zendesk() -> Iterator[ZendeskControl]:
    with running() as control:
        yield control


def act(zendesk: ZendeskControl, **fields: object) -> requests.Response:
    return requests.post(f"{zendesk.url}/act", data=fields, timeout=60)


def test_a24_a_customer_opens_a_ticket_and_an_agent_answers_on_the_page(zendesk: ZendeskControl) -> None:
    shown = act(zendesk, **{"as": "customer", "subject": f"Export {ATTACK}", "text": "It broke."})
    number = int(re.findall(r"#(\d+) ", shown.text)[0])
    assert ATTACK not in shown.text

    act(zendesk, **{"as": "agent", "ticket": number, "text": "Which browser?", "status": "pending"})
    act(zendesk, **{"as": "note", "ticket": number, "text": "They sound upset.", "status": "solved"})
    act(zendesk, **{"as": "customer", "ticket": number, "text": "Firefox.", "status": "solved"})

    assert zendesk.comments(number) == [
        (CUSTOMER, True, "It broke."), (AGENT, True, "Which browser?"), (AGENT, False, "They sound upset."),
        (CUSTOMER, True, "Firefox."),
    ]  # fmt: skip
    assert zendesk.ticket(number)["status"] == "pending", "only an agent's answer sets a status"
    told = [delivery for delivery in zendesk.deliveries() if f"zen:ticket:{number}" in delivery.body]
    assert len(told) == 5, "each is told: opened, answered, pending, noted, answered"


@pytest.mark.parametrize(
    "fields", [{"ticket": "77"}, {"ticket": "x"}, {"as": "agent", "ticket": "77", "status": "odd"}]
)
def test_a_form_that_makes_no_sense_is_told(zendesk: ZendeskControl, fields: dict[str, str]) -> None:
    assert act(zendesk, **{"as": "customer", "text": "Hello", **fields}).status_code == 400


@contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIERLINE_")}
    with subprocess.Popen(python("cli.main", *words), stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_a24_the_command_serves_it_where_the_printed_variables_lead() -> None:
    jira, pager, chat, zendesk = (free_port() for _ in range(4))
    ports = ("--jira-port", jira, "--pager-port", pager, "--chat-port", chat, "--zendesk-port", zendesk)
    with command("standins", *map(str, ports), "--webhooks", "http://127.0.0.1:9/webhooks/") as process:
        assert process.stdout is not None
        printed: dict[str, str] = {}
        while "ZENDESK_WEBHOOK_SECRETS" not in printed:
            name, _, value = process.stdout.readline().removeprefix("export ").strip().partition("=")
            printed[name] = value
        assert printed["ZENDESK_URL"] == f"http://127.0.0.1:{zendesk}"
        assert printed["ZENDESK_WEBHOOK_SECRETS"] == SECRET.get_secret_value()
        assert {"JIRA_URL", "JIRA_WEBHOOK_SECRET", "PAGER_URL", "NOTICE_URL"} <= printed.keys()
        wait_until(lambda: _answers(printed["ZENDESK_URL"]))
        assert "A customer of the organisation" in requests.get(printed["ZENDESK_URL"], timeout=60).text
    assert process.returncode == 0


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).ok
    except requests.ConnectionError:
        return False
