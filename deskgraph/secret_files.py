"""Settings whose value is in a file, as orchestrators hand over secrets: ``NAME_FILE=path``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

SUFFIX = "_FILE"
# No secret is longer; a wrong path may lead to a file of any size.
MAX_BYTES = 64 * 1024


class SecretFileError(Exception):
    """The file of a setting cannot be read; the text is a sentence without its content."""


def values_from_files(environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the values of those names that are given by a file, without the line's end.

    ``environment`` has names in capitals. An empty path counts as not set. Raises
    ``SecretFileError``.
    """
    found = {}
    for name in names:
        path = environment.get(name + SUFFIX)
        if not path:
            continue
        if environment.get(name):
            raise SecretFileError(f"{name} and {name}{SUFFIX} are both set: give one of them.")
        found[name] = _read(name + SUFFIX, Path(path))
    return found


def _read(setting: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SecretFileError(f"{setting}: the file {path} is too large to be a setting.")
        text = content.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SecretFileError(
            f"{setting}: the file {path} cannot be read: {error.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise SecretFileError(f"{setting}: the file {path} is not text in UTF-8.") from None
    if not text:
        raise SecretFileError(f"{setting}: the file {path} is empty.")
    return text
