"""The client gql, with the schema of the server, used as a program would."""

import asyncio
import io
import os
from pathlib import Path

import httpx
from gql import Client, FileVar, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import print_ast, separate_operations

URL = os.environ["DESK_URL"]
BYTES = bytes(range(256))
HERE = Path(__file__).parent
OPERATIONS = {
    name: gql(print_ast(document))
    for name, document in separate_operations(
        gql((HERE / "operations.graphql").read_text("utf-8")).document
    ).items()
}


async def ask(session, name, **values):
    """Run one of the operations, validated here against the schema that the server told."""
    request = OPERATIONS[name]
    request.variable_values = values
    return await session.execute(request, upload_files=name == "UploadFile")


async def main() -> None:
    """Log in, read, write, upload, download, and follow what was written."""
    login = {"username": "admin", "password": "demo-desk-2025"}
    async with Client(transport=HTTPXAsyncTransport(URL)) as session:
        token = (await ask(session, "Login", input=login))["login"]["accessToken"]

    headers = {"Authorization": f"Bearer {token}", "X-Requested-With": "gql"}
    transport = HTTPXAsyncTransport(URL, headers=headers)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        page = (await ask(session, "Page", first=3))["tickets"]
        assert len(page["nodes"]) == 3
        assert page["totalCount"] > 3

        given = {
            "subject": "Made by a generated client",
            "description": "With all of its types",
            "companyId": page["nodes"][0]["company"]["id"],
            "priority": "HIGH",
        }
        ticket = (await ask(session, "Create", input=given))["createTicket"]["ticket"]
        assert (ticket["subject"], ticket["priority"]) == ("Made by a generated client", "HIGH")

        said = {"ticketId": ticket["id"], "text": "Working on this now"}
        commented = await ask(session, "Comment", input=said)
        assert commented["addComment"]["comment"]["ticket"]["commentsCount"] == 1

        sent = {"ticketId": ticket["id"], "file": FileVar(io.BytesIO(BYTES), filename="bytes.bin")}
        uploaded = await ask(session, "UploadFile", input=sent)
        attachment = uploaded["uploadAttachment"]["attachment"]
        assert (attachment["name"], attachment["size"]) == ("bytes.bin", 256)
        async with httpx.AsyncClient() as http:
            assert (await http.get(attachment["downloadUrl"])).content == BYTES

    live = WebsocketsTransport(
        URL.replace("http", "ws", 1), init_payload={"Authorization": f"Bearer {token}"}
    )
    async with Client(transport=live) as session:
        request = OPERATIONS["Events"]
        request.variable_values = {"after": ticket["history"]["nodes"][0]["cursor"]}
        async for event in session.subscribe(request):
            assert event["ticketEvents"]["type"] == "COMMENT_ADDED"
            assert event["ticketEvents"]["comment"]["text"] == "Working on this now"
            break


asyncio.run(main())
