"""The server: the application (``app``), settings, storage, pages, command line (``cli``)."""
