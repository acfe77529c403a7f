"""The files of the demo: small, but what their names say."""

import struct
import zlib
from datetime import datetime, timedelta

from deskgraph.demo.factory import DemoFactory

SIDE = 48


def make_file(maker: DemoFactory, kind: str, zone: str, at: datetime) -> tuple[str, bytes]:
    """Return name and content of a ``log``, ``photo``, ``schedule`` or ``invoice``."""
    slug = zone.lower().replace(" ", "-")
    match kind:
        case "log":
            return f"player-{slug}.log", _log(maker, zone, at)
        case "photo":
            return f"{slug}.png", _photo(maker)
        case "schedule":
            return f"schedule-{slug}.csv", _schedule(zone)
        case _:
            return f"statement-{at:%Y-%m}.csv", _statement(maker, zone, at)


def _log(maker: DemoFactory, zone: str, at: datetime) -> bytes:
    words = ("heartbeat ok", "buffer 3 s", "reconnecting", "dns timeout", "stream resumed")
    lines = (
        f"{at - timedelta(minutes=60 - minute):%Y-%m-%dT%H:%M:%SZ} [{zone}] "
        f"{maker.random.choice(words)}"
        for minute in range(0, 60, 4)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _schedule(zone: str) -> bytes:
    rows = ("07:00,11:00,Morning Acoustic", "11:00,17:00,Bossa Lounge", "17:00,23:00,Sunset")
    return "".join(f"{row}\r\n" for row in ("from,to," + zone, *rows)).encode()


def _statement(maker: DemoFactory, zone: str, at: datetime) -> bytes:
    rows = [
        f"DM-{at:%Y%m}-{maker.random.randint(100, 999)},{zone},{maker.random.randint(40, 90)}.00"
        for _ in range(3)
    ]
    return "".join(f"{row}\r\n" for row in ("invoice,zone,amount", *rows)).encode()


def _photo(maker: DemoFactory) -> bytes:
    """Draw a PNG: a gradient in a colour of its own, with a light in one corner."""
    red, green, blue = (maker.random.randint(60, 255) for _ in range(3))
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)  # The row's filter: none.
        for x in range(SIDE):
            light = 255 if x < 6 and y < 6 else (x + y) * 127 // SIDE
            rows += bytes((red * light // 255, green * light // 255, blue * light // 255))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
