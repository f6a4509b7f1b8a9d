"""Who may say what, by the word of a token, and how often."""

from typing import Any

import pytest

from api.guard import Buckets
from domain.core.enums import Role
from domain.core.refusal import Refused
from services.security.auth import GRANTABLE, Caller, speak

EARLIER = "2026-01-05T09:00:00Z"


def caller(role: Role) -> Caller:
    return Caller(token_id="k7m3q9xt5b", actor="ada", role=role)


def test_no_token_is_the_customers_or_tierlines_own() -> None:
    assert set(Role) - set(GRANTABLE) == {Role.SYSTEM, Role.CUSTOMER}


@pytest.mark.parametrize("role", GRANTABLE)
def test_who_speaks_and_in_which_role_is_what_the_token_says(role: Role) -> None:
    spoken = speak(caller(role), {"text": "x"})
    assert spoken == {"text": "x", "by": "ada", "role": role.value}
    assert speak(caller(role), spoken) == spoken
    for other in set(Role) - {role}:
        with pytest.raises(Refused, match="the role is what the token says"):
            speak(caller(role), {"role": other.value})


@pytest.mark.parametrize("role", GRANTABLE)
@pytest.mark.parametrize(
    ("said", "may"),
    [
        ({"by": "ben"}, {Role.INTEGRATION}),
        ({"opened_at": EARLIER}, {Role.INTEGRATION}),
        ({"occurred": EARLIER}, {Role.INTEGRATION, Role.LEAD, Role.OPS, Role.ADMIN}),
        ({"occurred": EARLIER, "source": "mail"}, {Role.INTEGRATION, Role.LEAD, Role.OPS, Role.ADMIN}),
    ],
)
def test_c12_what_only_some_may_say(role: Role, said: dict[str, Any], may: set[Role]) -> None:
    if role in may:
        assert speak(caller(role), said).items() >= said.items()
    else:
        with pytest.raises(Refused) as refused:
            speak(caller(role), said)
        assert refused.value.code == "not_allowed"


def test_a_bucket_gives_a_burst_then_its_rate_and_says_when_there_is_more() -> None:
    now = 0.0
    buckets = Buckets(2.0, now=lambda: now)
    assert [buckets.take("a") for _ in range(20)] == [0.0] * 20
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0.0
    now += 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0
    now += 3600
    assert [buckets.take("a") for _ in range(20)] == [0.0] * 20
    assert buckets.take("a") > 0
