"""Names, media types and downloads of attachments."""
