"""Where files are kept, by URL: a folder, or a bucket of an object store, through obstore."""

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from obstore import head_async
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from deskgraph.private_files import create_folder
from deskgraph.settings import PREFIX

SETTING = f"{PREFIX}FILES_URL"
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# How services of AWS hand a role to a process.
S3_ROLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
METADATA_SERVICE = "169.254.169.254"
# How long to look for a role of the machine.
ROLE_SECONDS = 5

# Parameters of an s3:// URL, by what obstore calls them; the rest of its settings are credentials
# or are of no use here.
S3_TEXTS = frozenset({"endpoint", "region", "server_side_encryption", "sse_kms_key_id"})
S3_SWITCHES = frozenset(
    {"virtual_hosted_style_request", "disable_bulk_delete", "imdsv1_fallback", "unsigned_payload"}
)
# Not taken from URLs; known here, so that the error says where they belong.
CREDENTIALS = frozenset({"access_key_id", "secret_access_key", "session_token", "token"})
SWITCH = {"true": True, "1": True, "false": False, "0": False}
SCHEMES: Mapping[str, frozenset[str]] = {
    "file": frozenset(),
    "memory": frozenset(),
    "s3": S3_TEXTS | S3_SWITCHES | {"allow_http", "redirect"},
    "gs": frozenset({"redirect"}),
    "az": frozenset({"redirect"}),
}
# A slow client may take its time for a large file, so only standing still is an error.
CLIENT = {"timeout": timedelta(days=1), "read_timeout": timedelta(minutes=1)}
# The default would let a client wait for minutes where the store does not answer.
RETRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}


class FilesUrlError(Exception):
    """The files URL is not one we can use; the text is a sentence that never repeats it."""


class Place(NamedTuple):
    """What a URL says: the store, and whether signed links may lead straight to it."""

    store: ObjectStore
    redirect: bool


def open_place(url: str) -> Place:
    """Read a URL; ``file://var/media`` is a folder below the working directory.

    Raises ``FilesUrlError``, without the URL: somebody may have put a key into it.
    """
    try:
        parts = urlsplit(url)
        given = _parameters(parts)
        redirect = bool(given.pop("redirect", True))
        if parts.scheme == "file":
            folder = Path(parts.netloc + parts.path or ".").absolute()
            _require_folder(folder)
            return Place(LocalStore(folder, mkdir=True, automatic_cleanup=True), False)
        if parts.scheme == "memory":
            return Place(from_url(url), False)
        if parts.scheme == "s3":
            _require_both_keys()
        client = {**CLIENT, **({"allow_http": True} if given.pop("allow_http", False) else {})}
        bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
        store: ObjectStore = from_url(
            bare, config=given, client_options=client, retry_config=RETRIES
        )  # type: ignore[call-overload] # by scheme
        return Place(store, redirect)
    except (BaseError, ValueError, OSError) as error:
        raise FilesUrlError(
            f"{SETTING} cannot be used; it looks like file://var/media or s3://bucket/prefix "
            f"({type(error).__name__})."
        ) from None


def _require_folder(folder: Path) -> None:
    """Make a folder where there is none; raises ``FilesUrlError`` where files cannot be in it."""
    try:
        create_folder(folder)
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror
        raise FilesUrlError(
            f"{SETTING} names the folder {folder}, which cannot be made: {reason}."
        ) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise FilesUrlError(f"{SETTING} names the folder {folder}, which cannot be written to.")


async def check_credentials(url: str) -> None:
    """Raise ``FilesUrlError`` where there are no credentials for a bucket on S3.

    Where the environment has none, the machine may have a role; asking the store once shows that.
    Of what is in the bucket nothing is needed, not even that a listing is allowed.
    """
    if urlsplit(url).scheme != "s3":
        return
    known = any(os.environ.get(name) for name in (*S3_KEYS, *S3_ROLES))
    if not known and not await _has_role(url):
        raise FilesUrlError(
            f"{SETTING} is on S3, but there are no credentials: set {' and '.join(S3_KEYS)}, or "
            "give this machine a role."
        )


def _require_both_keys() -> None:
    """Raise ``FilesUrlError`` where the environment has half of the credentials for S3."""
    given = [name for name in S3_KEYS if os.environ.get(name)]
    if len(given) == 1:
        (missing,) = set(S3_KEYS) - set(given)
        raise FilesUrlError(f"{SETTING} is on S3, and {given[0]} is set without {missing}.")


async def _has_role(url: str) -> bool:
    """Return whether the machine has a role, which only AWS gives."""
    endpoint = urlsplit(dict(parse_qsl(urlsplit(url).query)).get("endpoint", "")).hostname
    if endpoint is not None and not endpoint.endswith(".amazonaws.com"):
        return False
    try:
        async with asyncio.timeout(ROLE_SECONDS):
            await head_async(open_place(url).store, "deskgraph-has-credentials")
    except TimeoutError:
        return False
    except BaseError as error:
        # Whatever the store itself answers, it was asked with credentials.
        return METADATA_SERVICE not in str(error)
    except FileNotFoundError:
        pass
    return True


def _parameters(parts: SplitResult) -> dict[str, str | bool]:
    """Return the parameters of a URL with their values; raises ``FilesUrlError``."""
    known = SCHEMES.get(parts.scheme)
    names_none = parts.scheme not in ("file", "memory") and not parts.hostname
    if known is None or names_none or parts.fragment:
        raise ValueError
    found: dict[str, str | bool] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name.removeprefix("aws_") in CREDENTIALS:
            raise FilesUrlError(
                f"{SETTING} holds a credential: give it by the store's own environment "
                "variables instead, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if name not in known:
            # Only what looks like a name is repeated: it might be a key without one.
            what = f" {name!r}" if re.fullmatch("[a-z_]{1,40}", name) else ""
            expected = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise FilesUrlError(
                f"{SETTING} has an unknown parameter{what}; for {parts.scheme}:// {expected}."
            )
        found[name] = text if name in S3_TEXTS else _switch(name, text)
    if "@" in parts.netloc:
        raise FilesUrlError(
            f"{SETTING} holds a user or password: credentials come from the store's own "
            "environment variables."
        )
    if str(found.get("endpoint", "")).startswith("http://") and not found.get("allow_http"):
        raise FilesUrlError(
            f"The endpoint of {SETTING} is plain http: add allow_http=true if that is meant."
        )
    return found


def _switch(name: str, text: str) -> bool:
    if text.lower() not in SWITCH:
        raise FilesUrlError(f"The parameter {name!r} of {SETTING} must be true or false.")
    return SWITCH[text.lower()]
