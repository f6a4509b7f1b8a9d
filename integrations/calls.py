"""One HTTP call to an outside system, and the few ways in which it can fail.

No client repeats a call by itself: only the caller knows whether repeating is safe, and Temporal remembers
when to try again. So every failure says the one thing that the caller must know: may the other side have done
it?
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from domain.document import is_web_address, one_line

USER_AGENT = "Tierline/0.1"
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
    """The same for any method."""
    failure: Failure
    try:
        with requests.Session() as session:
            # A company's proxy cannot reach the stand-ins on this machine.
            session.trust_env = not is_loopback(url)
            response = session.request(
                method,
                url,
                data=body,
                headers={"User-Agent": USER_AGENT} | headers,
                timeout=timeout,
                allow_redirects=False,  # a redirected POST would arrive as a GET, and look like a success
            )
        if 200 <= response.status_code < 300:
            return response
        failure = of_answer(system, response)
    except requests.RequestException as error:
        failure = of_exception(system, error)
    # Raised out here, so that no traceback drags along a request with its credentials.
    raise failure


def of_answer(
    system: str, response: requests.Response, detail: str = "", field_errors: dict[str, str] | None = None
) -> Failure:
    """What an answer other than success means. `detail` is the other side's own explanation, if it gave
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
    """What a call without an answer means. The exception's own text is left out: it holds addresses and
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
    """Retry-After in seconds; it may come as a number or as a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        wait = (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)
