"""A12: the page at /docs describes the API to a person, needs no token, and loads nothing from anywhere."""

import base64
import hashlib
import re

import pytest
import requests

from tests.support.endpoints import ALL
from tests.support.served_api import Api

LOADS = re.compile(r"<(?:script|link|img|iframe|object|embed|form)\b|\bsrc=|@import|url\(|\son\w+=", re.I)


@pytest.fixture
async def shown(api: Api) -> requests.Response:
    return await api.get("/docs", role=None)


async def test_a12_the_page_names_every_endpoint_and_every_schema(api: Api, shown: requests.Response) -> None:
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    described = (await api.get("/api/v1/openapi.json")).json()
    for one in ALL:
        if one.path in described["paths"]:
            assert f'<span class="method">{one.method}</span> <span class="path">{one.path}</span>' in shown.text
    ids = set(re.findall(r'<article id="(\w+)"', shown.text))
    assert ids == set(described["components"]["schemas"])
    assert set(re.findall(r'href="#(\w+)"', shown.text)) <= ids | {"schemas"}
    assert "Since this morning every export ends with error 500." in shown.text  # the example of a body


async def test_a12_the_page_loads_nothing_and_its_policy_lets_it_load_nothing(shown: requests.Response) -> None:
    assert not LOADS.search(re.sub(r"<pre>.*?</pre>", "", shown.text, flags=re.S))
    (style,) = re.findall(r"<style>(.*?)</style>", shown.text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(one.strip().partition(" ")[::2] for one in shown.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["style-src"]) == ("'none'", f"'sha256-{digest}'")
    assert "script-src" not in policy
