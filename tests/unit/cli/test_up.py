"""`tierline up`: who is shown a link that signs in."""

import pytest

from cli.up import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "api.example.com", ""])
def test_others_reach_any_other_address(host: str) -> None:
    assert not is_loopback(host)
