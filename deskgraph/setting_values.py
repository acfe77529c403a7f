"""What values of settings may look like. A ``ValueError`` says what they must be."""

import re
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

# A hundred years.
MAX_DAYS = 36_500
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")


def days(text: str) -> str | int:
    """Return how many days something is kept, or ``forever``."""
    if text.strip() == "forever":
        return "forever"
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,5}\s*", text) else 0
    if not 1 <= number <= MAX_DAYS:
        raise ValueError(f"must be forever, or a number of days from 1 to {MAX_DAYS}")
    return number


def public_url(text: str) -> str:
    """Return an address that links can start with: without a slash at its end."""
    parts = _web_address(text)
    if parts is None or parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("must be an address such as https://desk.example.com")
    return text.strip().rstrip("/")


def origin(text: str) -> str:
    """Return an origin as browsers send it (RFC 6454): in lower case, without a usual port."""
    parts = _web_address(text.rstrip("/"))
    if parts is None or parts.path or "?" in text or "#" in text:
        raise ValueError(
            "must be origins such as https://app.example.com, separated by commas, without paths"
        )
    host, port = _host(parts), parts.port
    usual = port is None or port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{port}"


def moment(text: str) -> datetime:
    """Return a time with its offset (RFC 3339): without one, it would depend on the machine."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("must be a time with its offset, such as 2027-01-31T12:00:00Z")
    return found


def metrics_of(text: str) -> str:
    """Return ``off``, ``on``, or the token that clients of the metrics must send."""
    if text not in ("off", "on") and not re.fullmatch(r"[!-~]{16,}", text):
        raise ValueError(
            "must be off, on, or a token of 16 characters or more, in ASCII without blanks"
        )
    return text


def _web_address(text: str) -> SplitResult | None:
    """Return the parts of an address of the web without a user; None where it is none."""
    try:
        parts = urlsplit(text.strip())
        right = parts.port is None or parts.port > 0
        host = _host(parts)
    except ValueError:
        return None
    web = parts.scheme in _DEFAULT_PORTS and "@" not in parts.netloc
    whole = not re.search(r"\s", text.strip()) and not parts.netloc.endswith(":")
    return parts if web and right and whole and _HOST.fullmatch(host) else None


def _host(parts: SplitResult) -> str:
    """Return the host in lower case, letters beyond ASCII as browsers send them."""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name.encode("idna").decode() if name else ""


def header_names(text: str) -> list[str]:
    """Return the names of headers in a list with commas, or ``*`` alone; raises ``ValueError``."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    # RFC 9110, section 5.6.2: a token, of which `*` is one.
    if not all(re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) for name in names):
        raise ValueError("must be names of headers such as X-Tenant, separated by commas, or *")
    return names
