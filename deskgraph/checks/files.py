"""Checks of the file store, and of the files against their rows."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from obstore.exceptions import BaseError

from deskgraph.checks.running import Desk, Finding, failed, ok, warning
from deskgraph.storage.file_store import open_files
from deskgraph.storage.orphan_cleanup import clean_up_orphans
from deskgraph.storage.store_urls import check_credentials
from resolvers.errors import Unavailable

# Younger files may belong to uploads that are under way.
YOUNGEST = timedelta(hours=24)
_COUNTED = {
    "missing": "rows without a file",
    "orphan": "files without a row",
    "unfinished": "unfinished files",
}


async def store(desk: Desk) -> Finding:
    """Whether a file can be stored: a small one is written and removed, as ``/readyz`` does."""
    url = desk.settings.files_url
    if (folder := _missing_folder(url)) is not None:
        return failed(f"There is no folder {folder}; the server makes it when it starts.")
    await check_credentials(url)
    try:
        await open_files(url).try_to_write()
    except Unavailable:
        return failed("The file store cannot be written.")
    return ok("The file store can be written.")


def _missing_folder(url: str) -> Path | None:
    """Return the folder of a store that is not there: opening the store would make it."""
    parts = urlsplit(url)
    folder = Path(parts.netloc + parts.path or ".").absolute()
    return folder if parts.scheme == "file" and not folder.exists() else None


async def orphans(desk: Desk) -> Finding:
    """Whether each row has its file, and each file its row."""
    found: Counter[str] = Counter()
    files = open_files(desk.settings.files_url)
    before = desk.now() - YOUNGEST
    try:
        async for finding in clean_up_orphans(desk.database, files, before=before):
            found[finding.kind] += 1
    except (BaseError, OSError) as error:
        # Its text may have addresses.
        return failed(f"The file store could not be listed ({type(error).__name__}).")
    if not found:
        return ok("Every file has its row, and every row its file.")
    parts = [f"{words}: {found[kind]}" for kind, words in _COUNTED.items() if found[kind]]
    text = f'{"; ".join(parts).capitalize()}. "deskgraph files sweep" lists them.'
    return failed(text) if found["missing"] else warning(text)
