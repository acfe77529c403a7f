"""What is done with every request before a API sees it."""

import pytest

from deskgraph.middleware.unexpected_errors import escaped


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"", b""),
        (b"a=%C3%BC&b=+%20c", b"a=%C3%BC&b=+%20c"),
        ("search=Café %25".encode(), b"search=Caf%C3%A9 %25"),
        (b"\x80=\xff", b"%80=%FF"),
    ],
)
def test_letters_that_a_client_did_not_escape(sent: bytes, meant: bytes) -> None:
    assert escaped(sent) == meant
