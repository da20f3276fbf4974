"""Where a file of a store is asked for: URIs of `s3://`, `gs://` and `http(s)://` as addresses of the web.

A store's own library finds the credentials and signs with them, once a file; the requests for its ranges are then plain
HTTP, which is several times cheaper than the library's own.
"""

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

from mixes.errors import MixError

REMEDIES = {
    "s3": "s3:// needs gristmill[s3] and credentials, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the "
    "machine's role, for public buckets too; files of Common Crawl lie at https://data.commoncrawl.org/ without any",
    "gs": "gs:// needs gristmill[gcp] and, for all but public buckets, credentials: `gcloud auth application-default "
    "login`, or GOOGLE_APPLICATION_CREDENTIALS",
}
"""What to do about a store that refuses."""

_URI = re.compile(r"(s3|gs|https?)://([^/]+)/(.+)")
_SIGNED_SECONDS = 300  # a role's credentials are renewed at least 10 minutes before they end
_EXPIRES_SECONDS = 3600
_GS_EMULATOR = "STORAGE_EMULATOR_HOST"  # as Google's own library has it
_READ_ONLY = "https://www.googleapis.com/auth/devstorage.read_only"


class Address(NamedTuple):
    """Where to send a GET request; nothing of it belongs into a message, since it may be signed."""

    url: str
    headers: dict[str, str]


Sign: TypeAlias = Callable[[str], Address]
"""Gives the address of a URI; from any thread."""


def is_stored(place: str) -> bool:
    """Return whether a place is the URI of a store."""
    return bool(re.match(r"(s3|gs|https?)://", place))


def signer(root: str) -> Sign:
    """Return what signs for the files below a URI.

    Raises:
        MixError: the store's library is not installed, or refuses.
    """
    scheme, _, rest = root.partition("://")
    if scheme.startswith("http"):
        return lambda uri: Address(uri, {})
    try:
        return _s3_signer(rest.partition("/")[0]) if scheme == "s3" else _gs_signer()
    except ModuleNotFoundError as error:
        raise MixError(f"{root}: cannot be read: {error.name} is not installed; {REMEDIES[scheme]}") from error


def _split(uri: str) -> tuple[str, str]:
    """Return bucket and key."""
    match = _URI.fullmatch(uri)
    assert match is not None
    return match[2], match[3]


def _s3_signer(bucket: str) -> Sign:
    client = _s3_client(bucket)
    known: dict[str, tuple[float, str]] = {}

    def sign(uri: str) -> Address:
        now = time.monotonic()
        last, url = known.get(uri, (now, ""))
        if not url or now - last > _SIGNED_SECONDS:
            name, key = _split(uri)
            wanted = {"Bucket": name, "Key": key}
            url = client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=_EXPIRES_SECONDS)
            known[uri] = now, url
        return Address(url, {})

    return sign


def _s3_client(bucket: str) -> Any:  # noqa: ANN401  (boto3 makes its classes as it goes)
    """Return a client for the region in which a bucket lies; without credentials one that signs nothing."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found credentials, each time
    session = boto3.Session()
    try:
        is_known = session.get_credentials() is not None
        settings = Config(signature_version="s3v4" if is_known else UNSIGNED, retries={"mode": "standard"})
        client = session.client("s3", config=settings)
        try:
            answer = client.head_bucket(Bucket=bucket)
        except ClientError as error:  # says the region of a bucket that is another's, too
            answer = error.response
        region = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region")
        return session.client("s3", region_name=region, config=settings) if region else client
    except BotoCoreError as error:
        raise MixError(f"s3://{bucket}: cannot be asked: {type(error).__name__}; {REMEDIES['s3']}") from error


def _gs_signer() -> Sign:
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    host = os.environ.get(_GS_EMULATOR, "https://storage.googleapis.com").rstrip("/")
    credentials, request, lock = _google_credentials(), Request(), threading.Lock()

    def sign(uri: str) -> Address:
        bucket, key = _split(uri)
        headers: dict[str, str] = {}
        try:
            with lock:
                credentials.before_request(request, "GET", host, headers)
        except GoogleAuthError as error:
            raise MixError(f"{uri}: cannot be read: {type(error).__name__}; {REMEDIES['gs']}") from error
        return Address(f"{host}/download/storage/v1/b/{bucket}/o/{quote(key, safe='')}?alt=media", headers)

    return sign


def _google_credentials() -> Any:  # noqa: ANN401  (google.auth is typed in part)
    """Return what this machine has, or what says nothing: a public bucket and an emulator ask for none."""
    from google.auth import default
    from google.auth.credentials import AnonymousCredentials
    from google.auth.exceptions import DefaultCredentialsError

    if _GS_EMULATOR not in os.environ:
        with contextlib.suppress(DefaultCredentialsError):
            return default(scopes=[_READ_ONLY])[0]
    return AnonymousCredentials()  # type: ignore[no-untyped-call]  # so in google.auth
