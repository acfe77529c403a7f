"""The root of the mutations: each noun has a module of its own."""

import strawberry

from schema.operations.attachment_mutations import AttachmentMutation
from schema.operations.bulk_jobs.mutations import BulkJobMutation
from schema.operations.bulk_mutations import BulkMutation
from schema.operations.people_mutations import PeopleMutation
from schema.operations.session_mutations import SessionMutation
from schema.operations.ticket_mutations import TicketMutation
from schema.operations.transfers.imports import ImportMutation
from schema.operations.undo_mutation import UndoMutation
from schema.operations.webhook_mutations import WebhookMutation


@strawberry.type(
    description="Everything that can be changed; each answers with what it changed, or errors."
)
class Mutation(
    SessionMutation,
    AttachmentMutation,
    PeopleMutation,
    WebhookMutation,
    UndoMutation,
    TicketMutation,
    BulkMutation,
    ImportMutation,
    BulkJobMutation,
):
    """All of it but ``login``, ``refreshToken`` and ``logout`` needs a login."""
