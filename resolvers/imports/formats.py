"""The formats of files that can be imported."""

from enum import StrEnum


class ImportFormat(StrEnum):
    """The format of a file; its value is the ending of such a file's name."""

    CSV = "csv"
    JSONL = "jsonl"


class BadFile(Exception):
    """Nothing can be imported of a file: a code of a problem, and what its sentence needs."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
