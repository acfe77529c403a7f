"""``python -m deskgraph.cli``, where the script ``deskgraph`` is not installed."""

from deskgraph.cli import main

if __name__ == "__main__":
    main()
