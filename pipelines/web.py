"""Files behind http and https: bounded retries, and a read that goes on where a body broke off.

No message of this module holds an address: a store may have put a signature into it.
"""

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

NUM_RETRIES = 5
"""How often a request is sent again, and how often in a row a body may break off."""
NUM_CONNECTS = 2
"""How often a server that cannot be reached is tried again while a person waits for a plan: after 0 and 2 seconds."""
RETRY_SECONDS = 1.0
"""Half of the wait before the third try; the second comes at once, and each further wait is twice the one before."""
MAX_WAIT_SECONDS = 300
"""The longest wait that a server may ask for, instead; the Hub counts requests over five minutes."""
CONNECT_SECONDS = 5
"""How long a server may take to connect."""
TIMEOUT_SECONDS = 60
"""How long it may take to send the next bytes."""

_RETRIED = (408, 429, 500, 502, 503, 504)
_RATE_LIMIT = re.compile(r"\bt=(\d+)")  # seconds until there are requests again: `"api";r=0;t=55`
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_BUFFER_BYTES = 1 << 20


class WebError(OSError):
    """A server that does not give what was asked for; its text is fit for any log."""

    def __init__(self, message: str, response: requests.Response | None = None) -> None:
        super().__init__(message)
        self.status = None if response is None else response.status_code  # None: there was no answer
        self.code = "" if response is None else response.headers.get("X-Error-Code", "")  # the Hub's own name for it


class _BoundedRetry(Retry):
    """As urllib3 has it, with the waits that servers ask for, up to a bound."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        wait = super().get_retry_after(response)
        if wait is None and response.status == requests.codes.too_many_requests:
            limit = _RATE_LIMIT.search(response.headers.get("RateLimit", ""))
            wait = float(limit[1]) if limit else None
        return None if wait is None else min(wait, MAX_WAIT_SECONDS)


def get(
    url: str, headers: Mapping[str, str] | None = None, *, stream: bool = False, num_connects: int = NUM_RETRIES
) -> requests.Response:
    """Return the answer to a GET request that succeeded.

    A header `Authorization` does not follow a redirection to another host.

    Args:
        url: What is asked for.
        headers: Sent with the request.
        stream: Whether the body is left to be read.
        num_connects: How often a server that cannot be reached is tried again.

    Raises:
        WebError: The server refuses, or did not answer after so many more tries, `NUM_RETRIES` where it was reached.
    """
    session = requests.Session()
    retries = _BoundedRetry(
        total=NUM_RETRIES,
        connect=num_connects,
        backoff_factor=RETRY_SECONDS,
        status_forcelist=_RETRIED,
        raise_on_status=False,  # the last answer is looked at below
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))
    asked = {"Accept-Encoding": "identity", **(headers or {})}
    try:
        response = session.get(url, headers=asked, stream=stream, timeout=(CONNECT_SECONDS, TIMEOUT_SECONDS))
    except (requests.RequestException, HTTPError) as error:
        raise WebError(_no_answer(error, num_connects)) from None
    if not response.ok:
        response.close()
        tries = f" after {NUM_RETRIES + 1} tries" if response.status_code in _RETRIED else ""
        raise WebError(f"HTTP status {response.status_code}{tries}", response)
    return response


def _no_answer(error: BaseException, num_connects: int) -> str:
    """Return what went wrong without the address, which the library's own text holds."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):  # a name that nobody resolves is one of the first
        found = f"no server reached after {num_connects + 1} tries: {type(reason).__name__}"
        return f"{found}; check the network and the name, and behind a proxy set HTTPS_PROXY"
    return f"no answer after {NUM_RETRIES + 1} tries: {type(reason).__name__}"


class _WebStream(io.RawIOBase):
    """The stored bytes of one file, from any offset on; reconnects where a body breaks off."""

    def __init__(self, url: str, headers: Mapping[str, str], num_connects: int) -> None:
        self._url = url
        self._headers = headers
        self._position = 0
        self._response: requests.Response | None = get(url, headers, stream=True, num_connects=num_connects)
        self.size = int(self._response.headers.get("Content-Length") or -1)
        self.version = version_of(self._response)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END and self.size < 0:
            raise WebError("the server does not tell where the file ends")
        target = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence] + offset
        if target != self._position:
            self._disconnect()
            self._position = target
        return target

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        if 0 <= self.size <= self._position:
            return 0
        for _ in range(NUM_RETRIES + 1):
            try:
                data = self._connect().raw.read(len(view))
            except HTTPError as error:  # cut, or silent for too long: asked again from here on
                self._disconnect()
                cause = type(error).__name__
                continue
            view[: len(data)] = data
            self._position += len(data)
            return len(data)
        raise WebError(f"the body broke off {NUM_RETRIES + 1} times in a row after byte {self._position:,}: {cause}")

    def close(self) -> None:
        self._disconnect()
        super().close()

    def _connect(self) -> requests.Response:
        """Return an answer whose body goes on at the position."""
        if self._response is None:
            asked = {**self._headers, "Range": f"bytes={self._position}-"}
            response = get(self._url, asked, stream=True)
            begins = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if response.status_code != requests.codes.partial_content or begins is None:
                response.close()
                raise WebError("the server sends no parts of files, so a broken read cannot go on; download the file")
            if int(begins[1]) != self._position or version_of(response) != self.version:
                response.close()
                raise WebError("the file changed while it was read; run the build again")
            self._response = response
        return self._response

    def _disconnect(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def version_of(response: requests.Response) -> str:
    """Return what changes when the file is written again; "" where the server does not tell."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""


def describe(url: str) -> tuple[int, str]:
    """Return size, -1 where it is not told, and version of a file.

    Raises:
        WebError: As `get`.
    """
    with _WebStream(url, {}, NUM_CONNECTS) as stream:
        return stream.size, stream.version


def open_web(url: str, headers: Mapping[str, str] | None = None) -> io.BufferedReader:
    """Open a file for reading its stored bytes, seekable where the server sends parts of files.

    Raises:
        WebError: As `get`; reading raises it too.
    """
    return io.BufferedReader(_WebStream(url, headers or {}, NUM_RETRIES), _BUFFER_BYTES)
