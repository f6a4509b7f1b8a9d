"""A relay in a process of its own that dies after it has sent a notice and before it has noted that it is sent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from integrations.standins.run import Control
from tests.support.waiting import PATIENCE, wait_until

_PROGRAM = (
    "import sys, threading\n"
    "from integrations.chat.client import WebhookSink\n"
    "from integrations.standins.run import chat_config\n"
    "from store.database import Database\n"
    "from workers.relay import Relay\n"
    "Relay(Database(sys.argv[1]), WebhookSink(chat_config(sys.argv[2]))).run(threading.Event())\n"
)


def send_and_die(database_url: str, chat: Control, has_arrived: Callable[[], bool]) -> None:
    """Start a relay, wait until its notice has arrived at a chat that answers late, and kill the relay (SIGKILL)."""
    chat.fault("slow", seconds=5, times=1)
    victim = subprocess.Popen([sys.executable, "-c", _PROGRAM, database_url, chat.url])
    try:
        wait_until(has_arrived)
    finally:
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(PATIENCE)
