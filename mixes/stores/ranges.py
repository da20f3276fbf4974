"""Ranges of files in a store: a GET request each, over connections that stay open, and a bounded number of tries.

No message of this module holds an address: it may be signed.
"""

import re
import threading
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.response import BaseHTTPResponse

from mixes.errors import MixError
from mixes.stores.addresses import REMEDIES, Sign

NUM_TRIES = 6
"""How often a request is sent before it is given up."""
FIRST_WAIT_SECONDS = 0.5
"""The wait before the second try; each further one is twice the one before, or what the store asks for."""
MAX_WAIT_SECONDS = 60.0
TIMEOUT_SECONDS = 30.0
"""How long a store may take to connect, and to send the next bytes."""
MAX_CONNECTIONS = 32

_RETRIED = {408, 429, 500, 502, 503, 504}
_REFUSED = {400, 401, 403}
_ABSENT = 404
_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a store gave.

    Attributes:
        data: the bytes.
        file_size: bytes of the whole file.
        version: changes when the file is written again; "" where the store does not say.
    """

    data: bytes
    file_size: int
    version: str


class _NoAnswerError(Exception):
    """What a request may be sent again for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait  # seconds that the store asks for


class RangeReader:
    """Reads files of one store by their URIs; from any thread.

    Args:
        sign: gives the address of a URI.
    """

    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self._stopped = threading.Event()
        self._pool = urllib3.PoolManager(
            maxsize=MAX_CONNECTIONS,
            timeout=urllib3.Timeout(TIMEOUT_SECONDS),
            retries=urllib3.Retry(total=None, connect=0, read=0, redirect=3, status=0, other=0),
        )

    def whole(self, uri: str) -> bytes:
        """Return the content of a file.

        Raises:
            MixError: it is absent, may not be read, or the store does not answer.
        """
        return self._persist(uri, {}).data

    def read(self, uri: str, offset: int, size: int) -> Range:
        """Return bytes [offset, offset + size) of a file; fewer where it ends before.

        Raises:
            MixError: it is absent, may not be read or has no byte at the offset, or the store does not answer or sends
                no ranges.
        """
        found = self._persist(uri, {"Range": f"bytes={offset}-{offset + size - 1}"})
        return found

    def stop(self) -> None:
        """Let no request be sent again that is under way, and close the connections."""
        self._stopped.set()
        self._pool.clear()

    def _persist(self, uri: str, asked: dict[str, str]) -> Range:
        """Ask until there is an answer, or no hope for one."""
        wait = FIRST_WAIT_SECONDS
        for number in range(1, NUM_TRIES + 1):
            try:
                return self._ask(uri, asked)
            except _NoAnswerError as error:
                reason = str(error)
                if number < NUM_TRIES and self._stopped.wait(min(max(wait, error.wait), MAX_WAIT_SECONDS)):
                    break
                wait *= 2
        raise MixError(f"{uri}: cannot be read: {reason}, {number} times; the same command again goes on")

    def _ask(self, uri: str, asked: dict[str, str]) -> Range:
        url, headers = self._sign(uri)
        try:
            answer = self._pool.request("GET", url, headers={"Accept-Encoding": "identity", **headers, **asked})
        except HTTPError as error:  # no connection, or a body that broke off
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            raise _NoAnswerError(f"no answer ({type(cause).__name__})") from None
        if answer.status in _RETRIED:
            wait = answer.headers.get("Retry-After", "")
            raise _NoAnswerError(f"HTTP status {answer.status}", float(wait) if wait.isdecimal() else 0.0)
        if answer.status != (_PARTIAL if asked else _WHOLE):
            raise MixError(f"{uri}: cannot be read: {_explain(uri, answer)}")
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        if not asked:
            return Range(data=answer.data, file_size=len(answer.data), version=version)
        where = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if where is None or not asked["Range"].startswith(f"bytes={where[1]}-"):
            raise MixError(f"{uri}: found another range than {asked['Range']}; copy the mix to this machine")
        if len(answer.data) != int(where[2]) - int(where[1]) + 1:
            raise _NoAnswerError("a body that was cut")
        return Range(data=answer.data, file_size=int(where[3]), version=version)


def _explain(uri: str, answer: BaseHTTPResponse) -> str:
    """Return what an answer means that is none of those wanted, and the remedy."""
    code = _CODE.search(answer.data)
    said = f"HTTP status {answer.status}" + (f" {code[1].decode()}" if code else "")
    scheme = uri.partition("://")[0]
    if answer.status in _REFUSED:
        return f"{said}; {REMEDIES.get(scheme, 'the server wants credentials, which http has none of here')}"
    if answer.status == _ABSENT:
        return f"{said}: no such bucket or file; give the folder of a built mix, OUTPUT/mixes/NAME, and all of OUTPUT"
    if answer.status == _BEYOND:
        return f"{said}: the file is shorter than the manifest says; copy it there again"
    if answer.status == _WHOLE:
        return "the server sends no ranges of files; copy the mix to this machine"
    return said
