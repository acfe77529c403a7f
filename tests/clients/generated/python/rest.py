"""What openapi-python-client generates, used as a program would."""

import io
import os

from deskgraph_rest import AuthenticatedClient, Client
from deskgraph_rest.api.auth import post_auth_login
from deskgraph_rest.api.media import get_media_key
from deskgraph_rest.api.ticket_attachments import post_ticket_attachments
from deskgraph_rest.api.tickets import get_tickets, post_tickets, post_tickets_id_add_comment
from deskgraph_rest.models import LoginInput, NewCommentInput, TicketInput, UploadInput
from deskgraph_rest.models.ticket_input_priority import TicketInputPriority
from deskgraph_rest.types import File

BASE = os.environ["REST_URL"]
BYTES = bytes(range(256))

answer = post_auth_login.sync(
    client=Client(base_url=BASE), body=LoginInput("admin", "demo-desk-2025")
)
client = AuthenticatedClient(base_url=BASE, token=answer.access, raise_on_unexpected_status=True)

page = get_tickets.sync(client=client, page_size=3)
assert len(page.results) == 3
assert page.count > 3
company = page.results[0].company

ticket = post_tickets.sync(
    client=client,
    body=TicketInput(
        subject="Made by a generated client",
        description="With all of its types",
        company=company,
        priority=TicketInputPriority.HIGH,
    ),
)
assert (ticket.subject, ticket.priority, ticket.company) == (
    "Made by a generated client",
    "high",
    company,
)

commented = post_tickets_id_add_comment.sync(
    ticket.id, client=client, body=NewCommentInput(text="Working on this now")
)
assert (commented.id, commented.comments_count) == (ticket.id, 1)

stored = post_ticket_attachments.sync(
    client=client, body=UploadInput(ticket=ticket.id, file=File(io.BytesIO(BYTES), "bytes.bin"))
)
assert stored.name == "bytes.bin"
found = get_media_key.sync(stored.file.removeprefix("/media/"), client=client)
assert found.payload.read() == BYTES
