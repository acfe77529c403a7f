"""What ariadne-codegen generates, used as a program would."""

import asyncio
import io
import os
from contextlib import aclosing

import httpx
from deskgraph_ariadne import (
    AddCommentInput,
    Client,
    CreateTicketInput,
    LoginInput,
    TicketPriority,
    Upload,
    UploadAttachmentInput,
)

URL = os.environ["DESK_URL"]
BYTES = bytes(range(256))


async def main() -> None:
    """Log in, read, write, upload, download, and follow what was written."""
    given = LoginInput(username="admin", password="demo-desk-2025")
    async with Client(url=URL) as client:
        token = (await client.login(given)).login.access_token
    async with Client(
        url=URL,
        headers={"Authorization": f"Bearer {token}", "X-Requested-With": "ariadne-codegen"},
        ws_url=URL.replace("http", "ws", 1),
        ws_connection_init_payload={"Authorization": f"Bearer {token}"},
    ) as client:
        await use(client)


async def use(client: Client) -> None:
    """Do with the client of a user what the test is about."""
    page = (await client.page(first=3)).tickets
    assert len(page.nodes) == 3
    assert page.total_count > 3

    # It sends null for what is given as None.
    ticket_input = CreateTicketInput(
        subject="Made by a generated client",
        description="With all of its types",
        companyId=page.nodes[0].company.id,
        priority=TicketPriority.HIGH,
        tags=None,
    )
    ticket = (await client.create(ticket_input)).create_ticket.ticket
    assert (ticket.subject, ticket.priority) == ("Made by a generated client", TicketPriority.HIGH)
    after = ticket.history.nodes[0].cursor

    commented = await client.comment(
        AddCommentInput(ticketId=ticket.id, text="Working on this now")
    )
    assert commented.add_comment.comment.ticket.comments_count == 1

    file = Upload("bytes.bin", io.BytesIO(BYTES), "application/octet-stream")
    uploaded = await client.upload_file(UploadAttachmentInput(ticketId=ticket.id, file=file))
    attachment = uploaded.upload_attachment.attachment
    assert (attachment.name, attachment.size) == ("bytes.bin", 256)
    async with httpx.AsyncClient() as http:
        assert (await http.get(attachment.download_url)).content == BYTES

    async with aclosing(client.events(after=after)) as events:
        event = (await anext(events)).ticket_events
    assert (event.type_, event.comment.text) == ("COMMENT_ADDED", "Working on this now")


asyncio.run(main())
