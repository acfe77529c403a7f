"""What addresses in settings may look like. A ``ValueError`` says what they must be."""

import re
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")


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
