"""The commands below ``user`` and ``sessions``."""

import asyncio
from typing import Annotated

import typer

users = typer.Typer(help="Manage who can log in.", no_args_is_help=True, rich_markup_mode=None)
sessions = typer.Typer(help="Manage logins.", no_args_is_help=True, rich_markup_mode=None)
USERNAME = typer.Argument(help="The name the user logs in with.")


@users.command()
def add(
    username: Annotated[str, typer.Option(help="The name to log in with.")],
    role: Annotated[str, typer.Option(help="Sales, Tech, Finance, Music, Admin or Customer.")],
    company: Annotated[
        str | None, typer.Option(help="Name or id of a customer's company; not for staff.")
    ] = None,
    email: Annotated[str, typer.Option(help="E-mail address.")] = "",
    first_name: Annotated[str, typer.Option(help="First name.")] = "",
    last_name: Annotated[str, typer.Option(help="Last name.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Add a user; asks for the password."""
    from deskgraph.cli.people import NewUser, add_user, read_password

    new = NewUser(username, role, company, email, first_name, last_name)
    # Not within the event loop: it would keep Ctrl-C from interrupting the question.
    password = read_password(from_stdin=password_stdin)
    typer.echo(asyncio.run(add_user(new, password)))


@users.command("list")
def list_users(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each user.")
    ] = False,
) -> None:
    """List all users."""
    from deskgraph.cli.accounts import list_users as listed

    asyncio.run(listed(as_json=as_json))


@users.command()
def show(username: Annotated[str, USERNAME]) -> None:
    """Print what is known of a user."""
    from deskgraph.cli.accounts import show_user

    typer.echo(asyncio.run(show_user(username)))


@users.command()
def password(
    username: Annotated[str, USERNAME],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Give a user another password, and end their sessions."""
    from deskgraph.cli.accounts import set_password
    from deskgraph.cli.people import read_password

    new = read_password(from_stdin=password_stdin)
    typer.echo(asyncio.run(set_password(username, new)))


@users.command()
def activate(username: Annotated[str, USERNAME]) -> None:
    """Let a user log in again."""
    from deskgraph.cli.accounts import set_active

    typer.echo(asyncio.run(set_active(username, active=True)))


@users.command()
def deactivate(username: Annotated[str, USERNAME]) -> None:
    """Let a user not log in any more, and end their sessions."""
    from deskgraph.cli.accounts import set_active

    typer.echo(asyncio.run(set_active(username, active=False)))


@users.command()
def role(
    username: Annotated[str, USERNAME],
    name: Annotated[
        str, typer.Argument(help="Sales, Tech, Finance, Music, Admin or Customer.", metavar="ROLE")
    ],
    company: Annotated[
        str | None, typer.Option(help="Name or id of a customer's company; not for staff.")
    ] = None,
) -> None:
    """Give a user another role."""
    from deskgraph.cli.accounts import set_role

    typer.echo(asyncio.run(set_role(username, name, company)))


@sessions.command("end")
def end_sessions(username: Annotated[str, USERNAME]) -> None:
    """End all sessions of a user, who can log in again."""
    from deskgraph.cli.accounts import end_user_sessions

    typer.echo(asyncio.run(end_user_sessions(username)))
