"""The lower layer, which imports the upper one: inside a function, and for types."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.layers.broken.upper import Upper


def upper() -> "Upper":
    from tests.layers.broken.upper import Upper

    return Upper()
