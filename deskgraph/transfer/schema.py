"""The schema that both ends of a move have: exactly that of this program."""

from deskgraph.database.database import Database
from deskgraph.database.migrate import current, head
from deskgraph.transfer.manifest import TransferError


async def require_schema(database: Database) -> None:
    """Raise ``TransferError`` unless all tables and columns of the database are known.

    A server may go on beside a newer schema; an export would leave out what it does not know.
    """
    revision = await current(database)
    if revision != head():
        raise TransferError(
            f"The database has the schema {revision}, and this deskgraph {head()}: export and "
            "import with the version of the database."
        )
