"""How many values a JSON text has is told before it is parsed."""

import pytest

from resolvers.http.json_size import MAX_VALUES, has_too_many_values

MANY = MAX_VALUES + 1


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * MANY + b"1]",
        b"[" + b"{}," * MANY + b"1]",
        b"[" * MANY,
        b'{"a":' * MANY,
        b"[" + b'"\\"",' * MANY + b"1]",
        b'["' + b"," * MANY + b'"' + b",1" * MANY + b"]",
        # Never ended.
        b'["' + b"," * MANY,
    ],
)
def test_many_values_are_too_many(text: bytes) -> None:
    assert has_too_many_values(text)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"1," * (MAX_VALUES - 1) + b"1]",
        b"[" * MAX_VALUES,
        b'{"csv": "' + b"1,2,\\n" * MANY + b'"}',
        b'{"html": "' + b'<a x=\\"{,}\\">,' * MANY + b'"}',
        b'{"quotes": "' + b'\\",' * (5 * MANY) + b'"}',
        b"[" + b'",",' * (MAX_VALUES - 1) + b"1]",
        b'{"backslashes": "' + b"\\\\,[" * MANY + b'"}',
        b"",
    ],
)
def test_what_stands_in_a_text_is_no_value(text: bytes) -> None:
    assert not has_too_many_values(text)
