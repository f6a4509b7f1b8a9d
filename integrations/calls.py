"""One HTTP call to an outside system, and the few ways in which it can fail.

No client repeats a call by itself: only the caller knows whether repeating is safe, and Temporal remembers
when to try again. So every failure says the one thing that the caller must know: may the other side have done
it?
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from domain.core.text import one_line
from domain.documents.document import is_web_address
from domain.documents.redaction import redact
from integrations.tracing.port import span

USER_AGENT = "Tierline/0.1"
_REFUSAL_READ = 20_000
"""Bytes of a refusal that are read."""
_PART = 8192
"""Bytes that are read at once of an answer whose size is bounded."""
_REASON = 300
"""Characters of a reason that are quoted."""
_EXPLAINS = ("details", "errors", "errorMessages", "description", "detail", "message", "title", "error", "reason")
"""Where vendors explain a refusal, the most telling first."""
_TOKEN = re.compile(r"(?=[A-Za-z_+/=.-]*[0-9])[A-Za-z0-9_+/=.-]{20,}")
"""What may be a credential that a refusal repeats: a long word with a digit in it."""
_KEPT = 4.0
"""Seconds without a call after which a thread's connections are not used again: below what servers keep them open."""
_LONGEST_WAIT = 3600.0
"""Seconds. A Retry-After beyond this is not believed."""


class Failure(Exception):
    """A call that brought no answer to work with. Its text is safe to log and to show to a person."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        """Seconds to wait before the next try, when the other side said so."""


class Rejected(Failure):
    """The other side understood and said no: nothing was done. Repeating the same call is of no use."""

    def __init__(self, text: str, status: int, field_errors: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.field_errors = field_errors or {}
        """Field name -> what is wrong with it, for the person who can correct it."""


class Unauthorized(Failure):
    """Our credentials (401) or permissions (403) do not suffice: nothing was done. Configuration, not content."""

    def __init__(self, text: str, status: int = 401) -> None:
        super().__init__(text)
        self.status = status


def is_refusal(failure: Failure) -> bool:
    """Return whether this one call was refused: for what it asks, or for a permission that our account lacks (403)."""
    return isinstance(failure, Rejected) or (isinstance(failure, Unauthorized) and failure.status == 403)


class RateLimited(Failure):
    """Too many calls (429): nothing was done. `retry_after` is None where the other side did not say."""


class Unknown(Failure):
    """Timed out, cut off, 5xx or not understood: it may have been done or not. Look before you repeat."""


class Unreachable(Unknown):
    """No connection came about, so nothing was sent and nothing can have been done. Safe to repeat."""


def _endpoint(url: str) -> str:
    if not is_web_address(url):
        raise ValueError("an http or https address is needed")
    if urlsplit(url).scheme.lower() == "http" and not is_loopback(url):
        raise ValueError("credentials travel over https only (http is for this machine)")
    return url.rstrip("/")


Endpoint = Annotated[str, AfterValidator(_endpoint)]
"""An address that may be sent credentials: https, or http on this machine. Without a slash at the end."""


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(
    system: str, url: str, body: bytes, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    """Post `body` once and return a 2xx answer. `timeout`: seconds to connect, seconds between bytes.

    Raises one of the failures above; `system` is the name that their texts begin with.
    """
    return call(system, "POST", url, body, headers, timeout)


def call(
    system: str, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    """Return the same for any method."""
    response = _answered(system, method, url, body, headers, timeout)
    try:
        _ = response.content  # while the connection is open
        return response
    except requests.RequestException as error:
        failure = of_exception(system, error)
    raise failure


def fetch(
    system: str,
    method: str,
    url: str,
    body: bytes | None,
    headers: dict[str, str],
    timeout: tuple[float, float],
    *,
    most: int,
    within: float,
) -> bytes:
    """Return the body of a 2xx answer: `most` bytes at most, read `within` as many seconds. Raises as `post` does, and
    Unknown for what is larger or slower."""
    started = time.monotonic()
    response = _answered(system, method, url, body, headers, timeout)
    read = bytearray()
    try:
        while part := response.raw.read1(_PART, decode_content=True):
            read += part
            if len(read) > most:
                raise Unknown(f"{system} sent more than {most} bytes")
            if time.monotonic() - started > within:
                raise Unknown(f"{system} did not answer in time")
    except (HTTPError, OSError):
        raise Unknown(f"{system} broke its answer off") from None
    finally:
        response.close()
    return bytes(read)


def _answered(
    system: str, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    """Return a 2xx answer whose body is not read yet."""
    with span(f"Call {system}", "client", {"peer.service": system, "http.request.method": method}):
        return _answered_once(system, method, url, body, headers, timeout)


def _answered_once(
    system: str, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: tuple[float, float]
) -> requests.Response:
    failure: Failure
    try:
        response = _session(url).request(
            method,
            url,
            data=body,
            headers={"User-Agent": USER_AGENT} | headers,
            timeout=timeout,
            allow_redirects=False,  # a redirected POST would arrive as a GET, and look like a success
            stream=True,
        )
        if 200 <= response.status_code < 300:
            return response
        failure = of_answer(system, response, reason_in(_beginning(response)))
        response.close()  # whatever it would still say
    except requests.RequestException as error:
        failure = of_exception(system, error)
    # Raised out here, so that no traceback drags along a request with its credentials.
    raise failure


class _Mine(threading.local):
    """What a thread keeps between its calls: a requests session is not promised to bear sharing."""

    session: requests.Session | None = None
    used: float = 0.0


_mine = _Mine()


def _session(url: str) -> requests.Session:
    """Return this thread's session, which saves a handshake where calls follow each other closely.

    It keeps no cookies: calls have nothing to do with each other. After a pause it is a new one, since a connection
    that the other side closes just then leaves open whether the call was heard.
    """
    session, now = _mine.session, time.monotonic()
    if session is None or now - _mine.used > _KEPT:
        if session is not None:
            session.close()
        session = _mine.session = requests.Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    _mine.used = now
    # A company's proxy cannot reach the stand-ins on this machine.
    session.trust_env = not is_loopback(url)
    return session


def _beginning(response: requests.Response) -> bytes:
    """Return the beginning of a refusal's body; nothing where it cannot be read: what the status says stands anyway."""
    try:
        return next(response.iter_content(_REFUSAL_READ), b"")
    except requests.RequestException:
        return b""


def reason_in(body: bytes) -> str:
    """Return why the other side refused, in its own words, from the body of its answer; "" where it does not say.

    One short line, without e-mail addresses, numbers and secrets as far as their form shows them: it is logged, and
    shown to people.
    """
    try:
        reasons = list(dict.fromkeys(_words(json.loads(body))))
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
        plain = "<" not in text and not text.lstrip().startswith(("{", "["))
        reasons = text.splitlines()[:1] if plain else []  # no page of a proxy, and no half of an object
    return safe_text("; ".join(reasons))


def safe_text(text: str) -> str:
    """Return `text` of another system in one short line that may be logged and shown."""
    return one_line(_TOKEN.sub("[...]", redact(one_line(text, 4 * _REASON)).text), _REASON)


def _words(node: Any, depth: int = 6, named: bool = True) -> Iterator[str]:
    """Yield the explanations in an answer. Within one, whatever key stands there is the name of a field."""
    if depth == 0:
        return
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for one in node[:10]:
            yield from _words(one, depth - 1)
    elif isinstance(node, dict):
        known = [name for name in _EXPLAINS if name in node]
        for name in known:
            yield from _words(node[name], depth - 1, named=False)
        for name, value in list(node.items())[:10] if not known and not named else ():
            yield from (f"{name}: {text}" if isinstance(value, str) else text for text in _words(value, depth - 1))


def of_answer(
    system: str, response: requests.Response, detail: str = "", field_errors: dict[str, str] | None = None
) -> Failure:
    """Return what an answer other than success means. `detail` is the other side's own explanation, if it gave
    one.
    """
    status = response.status_code
    text = one_line(f"{system} answered {status}" + (f": {detail}" if detail else ""), 500)
    wait = _retry_after(response)
    if status == 429:
        return RateLimited(text, retry_after=wait)
    if status in (401, 403):
        return Unauthorized(text, status)
    if 300 <= status < 500 and status != 408:
        return Rejected(text, status, field_errors)
    # 503 with a Retry-After too: a gateway may say it after the system behind it has committed.
    return Unknown(text, retry_after=wait)


def of_exception(system: str, error: requests.RequestException) -> Failure:
    """Return what a call without an answer means. The exception's own text is left out: it holds addresses and
    bodies.
    """
    if _never_connected(error):
        return Unreachable(f"{system} cannot be reached")
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return Unknown(f"{system} sent an answer that was not understood")
    if isinstance(error, requests.Timeout):
        return Unknown(f"{system} did not answer in time")
    return Unknown(f"{system} broke the connection off ({type(error).__name__})")


def _never_connected(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _retry_after(response: requests.Response) -> float | None:
    """Return Retry-After in seconds; the header may come as a number or as a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        wait = (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)
