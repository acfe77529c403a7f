"""``python -m server.cli``, where the script ``deskgraph`` is not installed."""

from server.cli import main

if __name__ == "__main__":
    main()
