"""Texts as a search compares them, stored beside the texts that they come from.

The databases fold case differently and do not know that two spellings of a letter are the same, so
both compare what Python has made of a text when it was written.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from unicodedata import normalize

from sqlalchemy import Column, Index, Table, Text, event, inspect, text
from sqlmodel import Field, SQLModel

from models.base import table_of

# Between the fields of one column, so that no term is found across two of them.
SEPARATOR = "\x1f"
# Some 250 rows: to read them takes a search less than half a millisecond, and to move them takes a
# writer about ten. PostgreSQL's default is 4,096.
PENDING_KILOBYTES = 1024

Model = TypeVar("Model", bound=type[SQLModel])


def normalize_search(value: str) -> str:
    """Return a text without its case, in one normal form.

    NFC before and after case folding, which may take a text out of it. İ folds to an i with a dot
    above, which is an i. A separator becomes a blank. Keeps NUL, which no stored text has.
    """
    if value.isascii():
        # The same, in a third of the time.
        return value.lower().replace(SEPARATOR, " ")
    folded = normalize("NFC", value).casefold().replace("i\u0307", "i")
    return normalize("NFC", folded).replace(SEPARATOR, " ")


def search_column(*fields: str) -> Any:
    """Declare a column with the normalised texts of some fields, which ``searchable`` keeps."""
    column = Column(
        Text,
        nullable=False,
        # For inserts that name no value: all but those of the ORM, which has one (``searchable``).
        default=_from_parameters(fields),
        server_default=text("''"),
        info={"fields": fields},
    )
    return Field(default="", sa_column=column, exclude=True)


def search_texts(table: Table, row: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a table's search columns for a row."""
    return {
        column.name: _joined(column.info["fields"], row)
        for column in table.columns
        if "fields" in column.info
    }


def is_search_column(column: Column[object]) -> bool:
    """Tell whether a column is there for searches only, and never shown."""
    return "fields" in column.info


def trigram_index(column: str) -> Index:
    """Declare PostgreSQL's index for LIKE on a column.

    Any update of a ticket adds some 200 entries to it, as the row gets another place. They go to a
    list; the writer that makes it longer than ``PENDING_KILOBYTES`` moves all of it into the index,
    which takes a fraction of the time that each row alone would take.
    """
    index = Index(
        None,
        column,
        postgresql_using="gin",
        postgresql_ops={column: "gin_trgm_ops"},
        postgresql_with={"gin_pending_list_limit": str(PENDING_KILOBYTES)},
    )
    return index.ddl_if(dialect="postgresql")


def searchable(model: Model) -> Model:
    """Keep the search columns of a model's rows with every write of the ORM."""
    columns = [column for column in table_of(model).columns if is_search_column(column)]

    def keep(_mapper: object, _connection: object, row: SQLModel) -> None:
        state = inspect(row)
        for column in columns:
            fields = column.info["fields"]
            if any(state.attrs[name].history.has_changes() for name in fields):
                values = {name: getattr(row, name) for name in fields}
                setattr(row, column.name, _joined(fields, values))

    event.listen(model, "before_insert", keep)
    event.listen(model, "before_update", keep)
    return model


def _from_parameters(fields: tuple[str, ...]) -> object:
    def value(context: Any) -> str:
        return _joined(fields, context.get_current_parameters())

    return value


def _joined(fields: tuple[str, ...], row: Mapping[str, Any]) -> str:
    return SEPARATOR.join(normalize_search(row.get(name) or "") for name in fields)
