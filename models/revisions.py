"""A mark that changes with the data that answers show and of which the event log does not tell."""

import secrets

from sqlalchemy import TextClause, text
from sqlmodel import Field, SQLModel


class DataRevision(SQLModel, table=True):
    """One row with a random text: a new one for each transaction that writes such data.

    Triggers write it (the migration 0014): for users, companies and contacts, and for events that
    leave a company or the log. Tickets, comments and attachments have events instead; what changes
    these without any event runs ``renewal``.

    Random, so that a database that was restored never comes to a text that it had before.
    """

    __tablename__ = "data_revision"

    id: int = Field(primary_key=True)
    token: str = Field(max_length=80)


_RENEW = text(
    "INSERT INTO data_revision (id, token) VALUES (1, :token) "
    "ON CONFLICT (id) DO UPDATE SET token = excluded.token"
)


def renewal() -> TextClause:
    """Return the statement that renews the mark.

    It is the last one of a transaction: others who renew the mark wait for its end.
    """
    return _RENEW.bindparams(token=secrets.token_hex(16))
