"""A made-up system that sends webhooks, and fails where a test says so."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import SecretStr

from integrations.standard_webhooks import PROOF, BadSignature, verify
from services.webhooks.deliveries import Delivery, Unreadable, Unverified

SECRET = SecretStr("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIz")


class Shop:
    """A source of deliveries. What it is told to fail on fails as often as it says."""

    name = "shop"
    proof = PROOF
    longest = 100_000

    def __init__(self) -> None:
        self.acted: list[str] = []
        self.fails: dict[str, list[Exception]] = {}
        self.hangs: set[str] = set()
        self.slow = asyncio.Event()
        self.slow.set()

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        try:
            delivery_id = verify([SECRET], headers, body, now)
        except BadSignature as error:
            raise Unverified(str(error)) from None
        said = json.loads(body)
        if "about" not in said:
            raise Unreadable("it says nothing about anything")
        return [Delivery(id=delivery_id, about=said["about"], payload=said)]

    async def act(self, delivery: Delivery) -> str | None:
        if delivery.id in self.hangs:
            await asyncio.Event().wait()
        if self.fails.get(delivery.id):
            raise self.fails[delivery.id].pop(0)
        await self.slow.wait()
        self.acted.append(delivery.id)
        return None
