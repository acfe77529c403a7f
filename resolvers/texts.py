"""Which texts a database can store."""


def storable(text: str) -> str:
    """Return a text without the characters that no stored text can have."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def is_storable(text: str) -> bool:
    """Whether a stored text can be this one: no null characters, no halves of surrogate pairs."""
    return storable(text) == text
