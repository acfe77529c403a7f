"""The files that rows name: of attachments, those that an undo may bring back, and of imports."""

from sqlalchemy import select, union_all

from models import DELETED_ATTACHMENTS, Attachment, ImportFile, table_of

_NAMES = ("key", "name", "content_type", "size", "sha256", "created_at")

NAMED_FILES = union_all(
    *(
        select(*(table.c[name] for name in _NAMES))
        for table in (table_of(Attachment), DELETED_ATTACHMENTS, table_of(ImportFile))
    )
).subquery("named_files")
