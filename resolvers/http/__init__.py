"""The parts of HTTP requests that both APIs read alike."""
