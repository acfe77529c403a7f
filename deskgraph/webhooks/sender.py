"""Sending one request: to a public address, within a time limit, without following anything."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import certifi
import httpcore

from resolvers.commands.webhook_urls import refused_network, url_problem

logger = logging.getLogger("deskgraph.webhooks")

# How long a receiver may take, in seconds, from looking up its name to the end of its answer.
PATIENCE_SECONDS = 15.0
# How much of an answer is kept, in bytes.
MAX_RESPONSE_BYTES = 4096
# How many names can be looked up at once; a slow name server holds up a thread.
LOOKUPS = 32
# How many addresses of a name are tried.
MAX_ADDRESSES = 4
# What comes of an attempt, as metrics name it.
RESULTS = ("delivered", "rejected", "failed")
USER_AGENT = "deskgraph-webhooks"


class AddressRefused(Exception):
    """Something is not to be sent there; the text says why."""


@dataclass(frozen=True)
class AttemptResult:
    """What came of a request: a status with the beginning of the answer, or an error."""

    duration_ms: int
    status: int | None = None
    answer: str | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def arrived(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def result(self) -> str:
        """One of ``RESULTS``: taken, answered with another status, or no answer."""
        delivered, rejected, failed = RESULTS
        if self.status is None:
            return failed
        return delivered if self.arrived else rejected


class Network(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to no other.

    A name is looked up here, once, and the connection goes to one of the addresses found: there is
    no second look-up that could answer otherwise. TLS still asks for the name.
    """

    def __init__(
        self, *, private: bool, backend: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        """Take what connects to an address; without one it is the network of this machine."""
        self._private = private
        self._lookups = ThreadPoolExecutor(LOOKUPS, "webhook-lookup")
        self._backend = backend or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; raises ``Refused`` where none is public."""
        failed: Exception | None = None
        for address in self._allowed(await self._look_up(host, port)):
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed

    async def _look_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (socket.gaierror, UnicodeError):
            raise AddressRefused("The host name leads nowhere.") from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _allowed(self, addresses: list[str]) -> list[str]:
        if self._private:
            return addresses[:MAX_ADDRESSES]
        networks = {address: refused_network(address) for address in addresses}
        public = [address for address, network in networks.items() if network is None]
        if not public:
            address, network = next(iter(networks.items()))
            raise AddressRefused(f"The address {address} is in a {network} network: refused.")
        return public[:MAX_ADDRESSES]

    def close(self) -> None:
        """Let go of the threads."""
        self._lookups.shutdown(wait=False, cancel_futures=True)


def trusted_authorities() -> ssl.SSLContext:
    """Return what the system trusts, and the authorities of Mozilla where it knows none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Sender:
    """Sends requests over connections that it keeps for a while. One for each process."""

    def __init__(
        self,
        *,
        private: bool,
        patience: float = PATIENCE_SECONDS,
        authorities: Callable[[], ssl.SSLContext] = trusted_authorities,
    ) -> None:
        self._private = private
        self._authorities = authorities
        self._patience = patience
        self._network = Network(private=private)

    @cached_property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        """The connections; made when they are needed, because reading certificates takes time."""
        return httpcore.AsyncConnectionPool(
            ssl_context=self._authorities(),
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=self._network,
        )

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> AttemptResult:
        """Post a body of JSON and return what came of it; no failure of the other side raises."""
        started = time.monotonic()
        if url_problem(url, private=self._private) is not None:
            # It was acceptable when it was set: the server's settings were other ones.
            return AttemptResult(
                0, error="The address is not acceptable: it must begin with https://."
            )
        shown = {"content-type": "application/json", "user-agent": USER_AGENT, **headers}
        try:
            async with asyncio.timeout(self._patience):
                found = await self._post(url, shown, body)
        except TimeoutError:
            found = AttemptResult(
                0, error=f"There was no answer within {self._patience:g} seconds."
            )
        except AddressRefused as refused:
            found = AttemptResult(0, error=str(refused))
        except (httpcore.RemoteProtocolError, httpcore.LocalProtocolError):
            found = AttemptResult(0, error="The answer was not HTTP.")
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            found = AttemptResult(0, error=f"The connection failed: {_why(error)}.")
        except Exception as error:
            # Whatever it is, it must not be tried for ever. Its text may have the address.
            name = type(error).__name__
            logger.error("a webhook could not be sent, unexpectedly: %s", name)
            found = AttemptResult(0, error=f"It could not be sent ({name}).")
        return replace(found, duration_ms=round((time.monotonic() - started) * 1000))

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> AttemptResult:
        kept = b""
        sent = list(headers.items())
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            async for chunk in response.aiter_stream():
                kept += chunk
                if len(kept) >= MAX_RESPONSE_BYTES:
                    break
        return AttemptResult(
            0,
            response.status,
            # PostgreSQL stores no null character.
            answer=kept[:MAX_RESPONSE_BYTES].decode("utf-8", "replace").replace("\0", ""),
            retry_after=_retry_after(response.headers),
        )

    async def close(self) -> None:
        """Close all connections."""
        if "_pool" in self.__dict__:
            await self._pool.aclose()
        self._network.close()


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> timedelta | None:
    """Return the seconds of Retry-After; its other form, a date, is as if it were not there."""
    found = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return timedelta(seconds=int(found)) if found.isdigit() and len(found) < 7 else None


def _why(error: BaseException) -> str:
    """Return the reason at the bottom of an error, in one short line."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({cause.verify_message})"
    text = " ".join(str(cause or error).split()) or type(error).__name__
    return text[:200]
