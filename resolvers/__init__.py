"""What tickets, comments and users are and do, for both APIs, and who may see and do it.

Knows the shapes of both APIs' responses, since a read compiles to finished JSON, but not their
protocols.
"""
