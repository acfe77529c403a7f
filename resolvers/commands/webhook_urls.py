"""Where webhooks may be sent to: what an URL must look like, and which addresses are nobody's.

An Admin's webhook must not reach what only this server can reach: itself, the machines beside it,
and the services of a cloud that hand out credentials.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from resolvers.errors import Problem

# Networks whose addresses stand for addresses of another kind, so that what they lead to cannot be
# told from them: RFC 6052 and 8215, RFC 3056, RFC 4380, RFC 4291 (2.5.5.1).
_IN_DISGUISE = {
    "NAT64": (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")),
    "6to4": (IPv6Network("2002::/16"),),
    "Teredo": (IPv6Network("2001::/32"),),
    "IPv4-compatible": (IPv6Network("::/96"),),
}
# Reachable from inside of a cloud only, though they look public or are in nobody's list.
_METADATA = (
    IPv4Network("169.254.169.254/32"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
)


def refused_network(address: str) -> str | None:
    """Return the kind of network that an IP address must not be of; None where it is public."""
    found = ip_address(address.partition("%")[0])
    if any(found in network for network in _METADATA):
        return "metadata"
    kinds = (
        ("unspecified", found.is_unspecified),
        ("loopback", found.is_loopback),
        ("link-local", found.is_link_local),
        ("multicast", found.is_multicast),
    )
    for kind, is_one in kinds:
        if is_one:
            return kind
    if isinstance(found, IPv6Address):
        disguise = _disguise(found)
        if disguise:
            return disguise
        if found.is_site_local:
            return "private"
    return None if found.is_global and not found.is_reserved else "private"


def _disguise(address: IPv6Address) -> str | None:
    if address.ipv4_mapped:
        return "IPv4-mapped"
    for kind, networks in _IN_DISGUISE.items():
        if any(address in network for network in networks):
            return kind
    return None


def url_problem(url: str, *, private: bool) -> Problem | None:
    """Return what is wrong with the URL of a webhook; ``private``: other networks are allowed.

    A name is looked up when something is sent, because it may lead elsewhere by then.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return Problem("url")
    if not url.isascii() or not url.isprintable() or " " in url or not host:
        return Problem("url")
    if "@" in parts.netloc:
        return Problem("url_userinfo")
    if parts.fragment or parts.scheme not in ("https", "http"):
        return Problem("url")
    if private:
        return None
    if parts.scheme != "https":
        return Problem("url_https")
    network = refused_network(host) if _is_ip(host) else None
    return Problem("url_network", {"address": host, "network": network}) if network else None


def _is_ip(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv4Address | IPv6Address)
    except ValueError:
        return False
