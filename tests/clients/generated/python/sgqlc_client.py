"""Types that sgqlc generates, used as a program would.

Its operations are texts: what its endpoints cannot send goes another way. They know no uploads,
and over WebSockets only the protocol from before graphql-transport-ws, so that events are read as
server-sent events.
"""

import json
import os

import httpx
from deskgraph_sgqlc import (
    AddCommentInput,
    CreateTicketInput,
    LoginInput,
    Mutation,
    Query,
    Subscription,
    UploadAttachmentInput,
)
from sgqlc.endpoint.http import HTTPEndpoint
from sgqlc.operation import Operation
from sgqlc.types import Arg, Variable, non_null

URL = os.environ["DESK_URL"]
BYTES = bytes(range(256))

login = Operation(Mutation)
login.login(input=LoginInput(username="admin", password="demo-desk-2025")).access_token()
token = (login + HTTPEndpoint(URL)(login)).login.access_token
headers = {"Authorization": f"Bearer {token}"}
endpoint = HTTPEndpoint(URL, headers)

read = Operation(Query)
tickets = read.tickets(first=3)
tickets.total_count()
tickets.nodes.company.id()
page = (read + endpoint(read)).tickets
assert len(page.nodes) == 3
assert page.total_count > 3

create = Operation(Mutation)
made = create.create_ticket(
    input=CreateTicketInput(
        subject="Made by a generated client",
        description="With all of its types",
        company_id=page.nodes[0].company.id,
        priority="HIGH",
    )
)
made.ticket.id()
made.ticket.subject()
made.ticket.priority()
made.ticket.history(first=1).nodes.cursor()
ticket = (create + endpoint(create)).create_ticket.ticket
assert (ticket.subject, ticket.priority) == ("Made by a generated client", "HIGH")

comment = Operation(Mutation)
given = AddCommentInput(ticket_id=ticket.id, text="Working on this now")
comment.add_comment(input=given).comment.ticket.comments_count()
commented = (comment + endpoint(comment)).add_comment
assert commented.comment.ticket.comments_count == 1

upload = Operation(Mutation, variables={"input": Arg(non_null(UploadAttachmentInput))})
attached = upload.upload_attachment(input=Variable("input")).attachment
attached.name()
attached.size()
attached.download_url()
values = {"input": {"ticketId": ticket.id, "file": None}}
answer = httpx.post(
    URL,
    headers={**headers, "X-Requested-With": "sgqlc"},
    data={
        "operations": json.dumps({"query": str(upload), "variables": values}),
        "map": json.dumps({"file": ["variables.input.file"]}),
    },
    files={"file": ("bytes.bin", BYTES)},
)
attachment = (upload + answer.json()).upload_attachment.attachment
assert (attachment.name, attachment.size) == ("bytes.bin", 256)
assert httpx.get(attachment.download_url).content == BYTES

follow = Operation(Subscription)
events = follow.ticket_events(after=ticket.history.nodes[0].cursor)
events.type()
events.comment.text()
accept = {**headers, "Accept": "text/event-stream"}
with httpx.stream("POST", URL, headers=accept, json={"query": str(follow)}) as stream:
    data = next(line for line in stream.iter_lines() if line.startswith("data: {"))
event = (follow + json.loads(data.removeprefix("data: "))).ticket_events
assert (event.type, event.comment.text) == ("COMMENT_ADDED", "Working on this now")
