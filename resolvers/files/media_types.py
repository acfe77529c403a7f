"""What a file is, by its first bytes: the name and the sender's word may say anything.

After the WHATWG MIME Sniffing Standard's table of signatures, as far as desks receive such files.
"""

# As much as the standard reads.
HEAD_BYTES = 512
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x00\x00\x00\x18ftyp", "video/mp4"),
    (b"\x00\x00\x00\x1cftyp", "video/mp4"),
    (b"\x00\x00\x00\x20ftyp", "video/mp4"),
)
UNKNOWN = "application/octet-stream"
# All that ``sniff`` ever says: none of them runs in a browser.
TYPES = frozenset(
    {*(kind for _, kind in SIGNATURES), "image/webp", "audio/wave", "text/plain", UNKNOWN}
)
# Bytes that no text contains (the standard's "binary data bytes").
_BINARY = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])


def sniff(head: bytes) -> str:
    """Return the content type that the first bytes tell; HTML and SVG are text like any other."""
    for signature, content_type in SIGNATURES:
        if head.startswith(signature):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wave"
    return UNKNOWN if _BINARY.intersection(head) else "text/plain"
