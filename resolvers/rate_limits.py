"""How much of the server's work one user or one address gets: buckets of points.

A bucket is full at first; work takes points out, and they come back at a steady rate. What is kept
of a bucket is one number: when it will be full again. Each second until then is as many points
missing as come back in a second. Times are whole nanoseconds since 1970: sums of fractions would
drift.
"""

import hashlib
import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from stringzilla import count

from resolvers.errors import Throttled
from resolvers.rate_levels import EPOCH, MAX_NANOSECONDS, Level, RateClass
from resolvers.request_record import current_request

logger = logging.getLogger("deskgraph.rates")

MAX_BUCKETS = 10_000
# What an address of IPv6 has at most, in characters.
MAX_ADDRESS_LENGTH = 45
# How often buckets that are full again are looked for where there are too many.
PRUNE_NANOSECONDS = 10**9
# Attempts to log in a minute: with one name from one address, and with any from one address.
LOGINS = 10
ADDRESS_LOGINS = 50
# Attempts with one name from addresses it has not been logged in from lately: so many at once,
# and then one a minute.
NAME_LOGINS, NAME_LOGINS_RETURN = 50, 1
# For how long an address is known after a login with a name, in nanoseconds: 30 days.
KNOWN_NANOSECONDS = 30 * 24 * 60 * 60 * 10**9
_MICROSECOND = timedelta(microseconds=1)
# How an object with members starts. Inside a string a quote is escaped, so elsewhere these two are
# the end of a string, which one of the others follows.
_START = b'{"'
_STRING_ENDS = (b'{",', b'{"}', b'{"]', b'{":')


class Buckets(Protocol):
    """Where buckets are kept (``open``/``close``)."""

    async def open(self) -> None: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102

    async def push(self, key: str, time: int, most: int, now: int) -> tuple[bool, int]:
        """Put off when a bucket is full by some time, unless that is more than ``most`` from now.

        Returns whether it was done, and when the bucket is full then.
        """

    def pull(self, key: str, time: int) -> None:
        """Bring that nearer, or put it off by a negative time, whatever comes of it."""


class MemoryBuckets:
    """The buckets of one process. Those that are full again are forgotten first."""

    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._max_buckets = max_buckets
        self._full_at: OrderedDict[str, int] = OrderedDict()
        self._pruned = 0

    async def open(self) -> None:
        """There is nothing to do."""

    async def close(self) -> None:
        """There is nothing to do."""

    async def push(self, key: str, time: int, most: int, now: int) -> tuple[bool, int]:
        """See ``Buckets``."""
        before = max(self._full_at.get(key, now), now)
        after = before + time
        if after > now + most:
            return False, before
        if after == now:
            # A full bucket is as good as none.
            return True, now
        self._full_at[key] = after
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_buckets:
            self._forget(now)
        return True, after

    def pull(self, key: str, time: int) -> None:
        """See ``Buckets``."""
        if key in self._full_at:
            self._full_at[key] -= time

    def _forget(self, now: int) -> None:
        if not self._pruned <= now < self._pruned + PRUNE_NANOSECONDS:
            self._pruned = now
            for key in [key for key, full_at in self._full_at.items() if full_at <= now]:
                del self._full_at[key]
        while len(self._full_at) > self._max_buckets:
            self._full_at.popitem(last=False)

    def __len__(self) -> int:
        return len(self._full_at)


class RateLimiter:
    """The buckets of a server: of points for each user or address, and of logins."""

    def __init__(
        self,
        buckets: Buckets,
        *,
        per_minute: int,
        maximum: int,
        clock: Callable[[], datetime],
        known: Buckets | None = None,
    ) -> None:
        """Take how many points come back in a minute, and how many a bucket must hold at least.

        ``known`` remembers addresses by successful logins only. Those of one process have their
        own, which no stranger can fill.
        """
        self._buckets = buckets
        self._known = MemoryBuckets() if known is None else known
        self._clock = clock
        self._points = RateClass(max(per_minute, maximum), per_minute)
        self._logins = RateClass(LOGINS, LOGINS)
        self._address_logins = RateClass(ADDRESS_LOGINS, ADDRESS_LOGINS)
        self._name_logins = RateClass(NAME_LOGINS, NAME_LOGINS_RETURN)

    async def open(self) -> None:
        """Make the buckets ready."""
        await self._buckets.open()

    async def close(self) -> None:
        """Let go of what they need."""
        await self._buckets.close()

    async def draw(self, key: str, points: int) -> Level:
        """Take points out of a bucket; raises ``Throttled`` where it has not got as many.

        Nothing is what it can always take. No work takes more than a full bucket.
        """
        level = await self._draw(self._points, key, points)
        _count(points)
        return level

    def give_back(self, key: str, points: int, level: Level) -> None:
        """Return points that were drawn and not used, or take those that were used beyond.

        ``level``, which the draw returned, is changed to what is left.
        """
        time = self._points.time(points)
        self._buckets.pull(key, time)
        level.full_at -= time
        _count(-points)

    def take(self, key: str, points: int, level: Level | None) -> None:
        """Take points whatever there are: what is missing is owed. Changes ``level`` as well."""
        time = self._points.time(points)
        self._buckets.pull(key, -time)
        if level is not None:
            level.full_at += time
        _count(points)

    async def count_login(self, address: str, username: str) -> None:
        """Count an attempt to log in; raises ``Throttled`` after too many.

        They are counted by address, by name, and by both. Whether the name exists makes no
        difference, so answers do not reveal it. The count by name leaves out addresses from which
        the name has logged in lately, so nobody elsewhere can keep a user from logging in.
        """
        where, name = network(address), _digest(username)
        await self._draw(self._address_logins, f"logins:{where}", 1)
        await self._draw(self._logins, f"login:{where}:{name}", 1)
        unknown, _ = await self._known.push(f"known:{where}:{name}", 0, 0, self._now())
        if unknown:
            await self._draw(self._name_logins, f"name:{name}", 1)

    async def remember_login(self, address: str, username: str) -> None:
        """Know an address by a login that was good, and give back what its name was charged."""
        name, now = _digest(username), self._now()
        key = f"known:{network(address)}:{name}"
        unknown, until = await self._known.push(key, KNOWN_NANOSECONDS, KNOWN_NANOSECONDS, now)
        if unknown:
            self._buckets.pull(f"name:{name}", self._name_logins.time(1))
        else:
            self._known.pull(key, until - now - KNOWN_NANOSECONDS)

    async def count_password(self, user_id: UUID) -> None:
        """Count an attempt of somebody logged in to give their password; raises ``Throttled``."""
        await self._draw(self._logins, f"password:{user_id}", 1)

    def _now(self) -> int:
        return (self._clock() - EPOCH) // _MICROSECOND * 1000

    async def _draw(self, kind: RateClass, key: str, points: int) -> Level:
        now = self._now()
        time = kind.time(min(points, kind.maximum))
        most = kind.most if points else MAX_NANOSECONDS
        done, full_at = await self._buckets.push(key, time, most, now)
        level = Level(kind, full_at, now)
        if not done:
            seconds = max(1, -(-(full_at + time - now - most) // 10**9))
            about = {"bucket": key.partition(":")[0], "retry_after": seconds}
            logger.info("refused for rate", extra=about)
            if (record := current_request.get()) is not None:
                record.refused = key.partition(":")[0]
            raise Throttled(seconds, level)
        return level


def _count(points: int) -> None:
    """Count points of the request that is answered."""
    record = current_request.get()
    if record is not None:
        record.add_cost(points)


def _digest(username: str) -> str:
    """Return what stands for a name, however it is written."""
    name = username.strip().casefold().encode(errors="surrogatepass")
    return hashlib.blake2b(name, digest_size=12).hexdigest()


def network(address: str) -> str:
    """Return what one client has of addresses: one of IPv4, 2^64 of IPv6."""
    # A proxy may pass on anything as an address; no long text is kept.
    return _network(address[:MAX_ADDRESS_LENGTH])


@lru_cache(maxsize=MAX_BUCKETS)
def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


def count_objects(text: bytes) -> int:
    """Return how many objects with members a finished JSON object or array has.

    Braces inside of strings are not counted, so what users wrote does not change what a read
    costs. For a page of 20 tickets with comments this takes 10 microseconds; counting their rows
    in the statement takes 55 and more.
    """
    return int(count(text, _START)) - sum(int(count(text, end)) for end in _STRING_ENDS)
