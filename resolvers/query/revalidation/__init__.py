"""Whether an answer that a client has is still the answer, without reading it again."""
