"""What Alembic runs: the revisions, on the connection and in the transaction of the caller."""

from alembic import context
from sqlmodel import SQLModel

import models as models

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
)
with context.begin_transaction():
    context.run_migrations()
