"""Which codings a client takes, as RFC 9110 (12.5.3) has it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.http.content_codings import MAX_LENGTH, accepted_codings

OFFERED = ["br", "gzip"]


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", ["gzip"]),
        ("gzip, deflate, br, zstd", ["br", "gzip"]),
        ("GZip ; Q=0.5 ,\tBR;q=1.000", ["br", "gzip"]),
        # What the client prefers comes first, whatever the server would.
        ("br;q=0.2, gzip;q=0.8", ["gzip", "br"]),
        ("gzip;q=0.001", ["gzip"]),
        ("x-gzip", ["gzip"]),
        # Refused.
        ("", []),
        ("gzip;q=0", []),
        ("gzip;q=0.000, br;q=0.", []),
        ("identity", []),
        ("deflate, zstd", []),
        # What is not named.
        ("*", ["br", "gzip"]),
        ("*;q=0", []),
        ("*;q=0, gzip", ["gzip"]),
        ("gzip;q=0, *", ["br"]),
        ("gzip;q=0.5, *;q=0.7", ["br", "gzip"]),
        # The plain form is preferred, or refused.
        ("gzip;q=0.5, identity", []),
        ("gzip;q=0.5, br, identity;q=0.7", ["br"]),
        ("gzip, identity;q=0", ["gzip"]),
        ("gzip;q=0, identity;q=0", []),
        # The first one counts; what is malformed does not.
        ("gzip;q=0, gzip", []),
        ("gzip;q=2, br", ["br"]),
        ("gzip;q=0.0001, gzip;q=-1, gzip;q=nan, gzip;q, gzip;, gzip;level=9", []),
        ("gzip br", []),
        (",, ;q=1 ,gzip,,", ["gzip"]),
        ("gz\u0131p, \uff47zip, GZ\u0130P", []),
    ],
)
def test_the_codings_of_a_client(header: str, taken: list[str]) -> None:
    assert accepted_codings(header, OFFERED) == taken


def test_a_header_that_is_too_long_is_not_read() -> None:
    longest = "gzip" + "," * (MAX_LENGTH - 4)
    assert accepted_codings(longest, OFFERED) == ["gzip"]
    assert accepted_codings(longest + ",", OFFERED) == []
    assert accepted_codings("gzip;q=" + "0" * 30_000, OFFERED) == []


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.text(alphabet='gzipbr*identy;q=01., \t"é', max_size=60))
def test_any_header_is_read(header: str) -> None:
    taken = accepted_codings(header, OFFERED)
    assert set(taken) <= set(OFFERED)
    assert len(set(taken)) == len(taken)
