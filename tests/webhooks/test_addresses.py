"""Webhooks lead to public addresses only, whatever a name says, and to no address unchecked."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deskgraph.app import utc_now
from deskgraph.webhooks.sender import AddressRefused, Network, Sender
from resolvers.commands.webhook_urls import refused_network, url_problem
from resolvers.errors import Problem
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio

REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "0.0.0.0": "unspecified",
    "::": "unspecified",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "private",
    "192.0.0.1": "private",
    "198.18.0.1": "private",
    "203.0.113.5": "private",
    "240.0.0.1": "private",
    "255.255.255.255": "private",
    "0.1.2.3": "private",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fec0::1": "private",
    "2001:db8::1": "private",
    "100::1": "private",
    "169.254.1.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "169.254.169.254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "192.0.0.192": "metadata",
    "fd00:ec2::254": "metadata",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:10.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::127.0.0.1": "IPv4-compatible",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::808:808": "NAT64",
    "64:ff9b:1::a00:1": "NAT64",
    "2002:7f00:1::": "6to4",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
}
PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::1")


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refused_network(address) == REFUSED[address]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not(address: str) -> None:
    assert refused_network(address) is None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.com/hook?x=1", None),
        ("https://example.com:8443", None),
        ("https://[2606:4700:4700::1111]/", None),
        ("http://example.com/", "url_https"),
        ("https://user@example.com/", "url_userinfo"),
        ("https://user:password@example.com/", "url_userinfo"),
        ("https://@example.com/", "url_userinfo"),
        ("https://127.0.0.1/", "url_network"),
        ("https://[::1]/", "url_network"),
        ("https://[::ffff:127.0.0.1]/", "url_network"),
        ("https://169.254.169.254/latest", "url_network"),
        ("https://example.com/#part", "url"),
        ("https://example.com:99999/", "url"),
        ("https://[::1/", "url"),
        ("https:///path", "url"),
        ("https://exämple.com/", "url"),
        ("https://example.com/a b", "url"),
        ("https://example.com/\r\nHost: x", "url"),
        ("ftp://example.com/", "url"),
        ("file:///etc/passwd", "url"),
        ("example.com", "url"),
        ("//example.com", "url"),
        ("", "url"),
    ],
)
def test_what_an_address_must_look_like(url: str, code: str | None) -> None:
    problem = url_problem(url, private=False)
    assert (problem and problem.code) == code


def test_where_private_networks_are_allowed_so_is_http() -> None:
    assert url_problem("http://127.0.0.1:8000/hook", private=True) is None
    assert url_problem("http://u@127.0.0.1/", private=True) == Problem("url_userinfo")


class Names:
    """What names lead to, in the place of the system's look-up; counts how often it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def getaddrinfo(self, _host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        # Each look-up has another answer, as a rebinding name server would have it.
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise socket.gaierror
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in found.split()]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    def use(*answers: str) -> Names:
        made = Names(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
        return made

    return use


class Dialled(httpcore.AsyncNetworkBackend):
    """A network in the place of the real one: keeps which addresses were to be connected to."""

    def __init__(self, *failing: str) -> None:
        self.addresses: list[str] = []
        self.failing = failing

    async def connect_tcp(self, host: str, *_: Any, **__: Any) -> Any:
        self.addresses.append(host)
        if host in self.failing:
            raise httpcore.ConnectError("refused")
        return object()


async def test_a_name_is_looked_up_once_and_that_address_connected_to(
    names: Callable[..., Names],
) -> None:
    asked, dialled = names("8.8.8.8", "127.0.0.1"), Dialled()
    network = Network(private=False, backend=dialled)
    await network.connect_tcp("rebinding.example", 443)
    assert (asked.asked, dialled.addresses) == (1, ["8.8.8.8"])
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1 is in a loopback network"):
        await network.connect_tcp("rebinding.example", 443)
    assert dialled.addresses == ["8.8.8.8"]


@pytest.mark.parametrize("address", REFUSED)
async def test_no_name_leads_to_what_is_not_public(
    names: Callable[..., Names], address: str
) -> None:
    dialled = Dialled()
    names(address)
    network = Network(private=False, backend=dialled)
    with pytest.raises(AddressRefused, match=REFUSED[address]):
        await network.connect_tcp("inside.example", 443)
    assert dialled.addresses == []


async def test_of_several_addresses_the_public_ones_are_tried(names: Callable[..., Names]) -> None:
    dialled = Dialled("8.8.8.8")
    names("10.0.0.1 8.8.8.8 ::1 1.1.1.1")
    network = Network(private=False, backend=dialled)
    await network.connect_tcp("mixed.example", 443)
    assert dialled.addresses == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1"]
)
async def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    """With the system's own look-up, which knows them all."""
    dialled = Dialled()
    network = Network(private=False, backend=dialled)
    with pytest.raises(AddressRefused, match="loopback"):
        await network.connect_tcp(host, 443)
    assert dialled.addresses == []


async def test_nothing_is_sent_to_this_machine(receiver: Receiver) -> None:
    sender = Sender(private=False)
    port = receiver.url.split(":")[2].split("/")[0]
    for url in (receiver.url, f"https://localhost:{port}/hook", f"https://127.0.0.1:{port}/"):
        outcome = await sender.post(url, {}, b"{}")
        assert outcome.status is None
        assert outcome.error
    await sender.close()
    assert receiver.received == []


async def test_a_name_that_leads_nowhere_is_a_failure(names: Callable[..., Names]) -> None:
    names("")
    sender = Sender(private=False)
    outcome = await sender.post("https://nowhere.example/", {}, b"{}")
    assert outcome.error == "The host name leads nowhere."
    long = await sender.post(f"https://{'a' * 70}.example/", {}, b"{}")
    assert long.error == "The host name leads nowhere."
    await sender.close()


async def test_tls_asks_for_the_name_and_trusts_no_one_else(
    tmp_path: Path, names: Callable[..., Names], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is good for ``hook.example``, whatever the address is."""
    trust = await asyncio.to_thread(make_certificate, tmp_path, "hook.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    names("127.0.0.1")
    strangers, friends = Sender(private=True), Sender(private=True)

    distrusted = await strangers.post(f"https://hook.example:{port}/", {}, b"{}")
    # What the system trusts is read with the first request.
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    trusted = await friends.post(f"https://hook.example:{port}/", {}, b"{}")
    other = await friends.post(f"https://other.example:{port}/", {}, b"{}")

    assert distrusted.error
    assert "certificate is not trusted" in distrusted.error
    assert (trusted.status, trusted.answer) == (200, "ok")
    assert other.error
    assert "certificate is not trusted" in other.error
    assert set(asked_for) == {"hook.example", "other.example"}
    for sender in (strangers, friends):
        await sender.close()
    server.close()
    await server.wait_closed()


def make_certificate(folder: Path, name: str) -> Path:
    """Make a certificate that is its own authority."""
    key, issued = ec.generate_private_key(ec.SECP256R1()), utc_now()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    made = made.not_valid_before(issued - timedelta(days=1))
    made = made.not_valid_after(issued + timedelta(days=1)).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    form, open_ = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, open_))
    certificate = folder / "cert.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    return certificate


async def test_what_is_no_http_is_a_failure() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hello\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = Sender(private=True)
    outcome = await sender.post(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert outcome.error == "The answer was not HTTP."
    await sender.close()
    server.close()
    await server.wait_closed()
