"""Other ways to serve the same reads, which the read benchmark measures beside ours."""
