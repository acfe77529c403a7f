"""The upper layer, which may import the lower one."""

from tests.layers.broken import lower


class Upper:
    """Something that the lower layer must not know."""

    lower = lower
