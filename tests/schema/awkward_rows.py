"""Many rows full of awkward texts, ties and gaps; and all rows of a database, read again."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlmodel import select

from deskgraph.database.database import Database
from models import (
    Attachment,
    Comment,
    Company,
    Contact,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketEvent,
    TicketEventType,
    TicketPriority,
    TicketStatus,
    User,
    Via,
)
from resolvers.events.log import change
from tests.support.clock import NOON
from tests.support.rows import attachment, comment, company, contact, event, ticket, user

AWKWARD = (
    "plain words",
    "",
    'a "quoted" text',
    "it's \\ a back\\slash\\",
    "two\nlines\r\nand a\ttab",
    "control \x01\x07\x1f\x7f characters \x80",
    "emoji \U0001f3b5 and 東京 and ÜNÏCÖDE",
    "100% of_it % _ __",
    "a, b,, c , ,d",
    "</script>&amp;\u2028\u2029",
    "null",
    "{}[]:,'`$1 :name ?",
    "long " * 2000,
)


class AllRows:
    """Every row of a database; no dataclass, which Hypothesis would print as a whole."""

    def __init__(self) -> None:
        self.companies: list[Company] = []
        self.users: list[User] = []
        self.contacts: list[Contact] = []
        self.tickets: list[Ticket] = []
        self.comments: list[Comment] = []
        self.attachments: list[Attachment] = []
        self.ticketEvents: list[TicketEvent] = []

    def all(self) -> list[Any]:
        groups = (self.companies, self.users, self.contacts)
        more = (self.tickets, self.comments, self.attachments, self.ticketEvents)
        return [row for group in (*groups, *more) for row in group]


async def load(database: Database) -> AllRows:
    """Read every row through the ORM."""
    rows = AllRows()
    async with database.transaction() as session:
        rows.companies += await session.exec(select(Company))
        rows.users += await session.exec(select(User))
        rows.contacts += await session.exec(select(Contact))
        rows.tickets += await session.exec(select(Ticket))
        rows.comments += await session.exec(select(Comment))
        rows.attachments += await session.exec(select(Attachment))
        rows.ticketEvents += await session.exec(select(TicketEvent))
    return rows


class _Maker:
    """Makes the same rows every time."""

    def __init__(self) -> None:
        self.random = Random(42)
        self.rows = AllRows()

    def text(self, most: int = 10_000) -> str:
        return self.random.choice(AWKWARD)[:most]

    def name(self, most: int) -> str:
        return self.text(most) or "no name"

    def time(self) -> datetime:
        """Return a recent time; few different ones, so that there are ties."""
        ago = timedelta(hours=self.random.randint(0, 30))
        return NOON - ago - self.random.choice([timedelta(0), timedelta(microseconds=120)])

    def maybe(self, value: Any) -> Any:
        return value if self.random.random() < 0.7 else None

    def later(self, start: datetime) -> datetime | None:
        """Return a later time, or none; its distance is no tie when rounded to hundredths."""
        after = timedelta(seconds=self.random.randint(0, 9999) * 36 + 7)
        return start + after if self.random.random() < 0.7 else None

    def make(self) -> AllRows:
        self._people()
        self._tickets()
        for i in range(120):
            self._event(i)
        return self.rows

    def _people(self) -> None:
        for i in range(6):
            active = self.random.random() < 0.8
            name, notes = self.name(200), self.text()
            times = {"created_at": self.time(), "updated_at": self.time()}
            more = {"country": self.text(100), "website": self.text(200), "city": self.text(100)}
            self.rows.companies.append(
                company(f"company{i}", name=name, notes=notes, is_active=active, **more, **times)
            )
        roles = [Role.ADMIN, Role.TECH, Role.TECH, Role.SALES, Role.MUSIC, Role.FINANCE]
        for i, role in enumerate([*roles, *[Role.CUSTOMER] * 6]):
            of = self.rows.companies[i // 2 % 3].id if role is Role.CUSTOMER else None
            self.rows.users.append(
                user(
                    f"user{i}",
                    role,
                    company_id=of,
                    first_name=self.text(30),
                    last_name=self.text(30),
                    email=self.text(200),
                    phone=self.text(20),
                    department=self.text(50),
                    date_joined=self.time(),
                )
            )
        for i in range(14):
            self.rows.contacts.append(
                contact(
                    f"contact{i}",
                    company_id=self.random.choice(self.rows.companies).id,
                    name=self.name(100),
                    email=self.text(200),
                    phone=self.text(20),
                    title=self.text(100),
                    notes=self.text(),
                    is_primary=self.random.random() < 0.3,
                    is_active=self.random.random() < 0.8,
                    created_at=self.time(),
                )
            )

    def _tickets(self) -> None:
        for i in range(40):
            at = self.time()
            made = ticket(
                f"T-20251119-{i:04}",
                subject=self.name(200),
                description=self.name(10_000),
                company_id=self.random.choice(self.rows.companies[:4]).id,
                contact_id=self.maybe(self.random.choice(self.rows.contacts).id),
                assigned_to_id=self.maybe(self.random.choice(self.rows.users).id),
                created_by_id=self.maybe(self.random.choice(self.rows.users).id),
                status=self.random.choice(list(TicketStatus)),
                priority=self.random.choice(list(TicketPriority)),
                category=self.random.choice(list(TicketCategory)),
                assigned_team=self.maybe(self.random.choice(list(Team))),
                tags=self.random.choice(["", "vip", "vip,zone", self.text(400), " zone , 100%,,x"]),
                due_date=self.maybe(NOON + timedelta(hours=self.random.randint(-3, 3))),
                first_response_at=self.later(at),
                resolved_at=self.later(at),
                closed_at=self.later(at),
                version=self.random.randint(1, 12),
                created_at=at,
                updated_at=self.time(),
            )
            self.rows.tickets.append(made)
            for j in range(self.random.choice([0, 0, 1, 2, 5])):
                self._comment(f"{i}-{j}", made.ticket_number)
            if self.random.random() < 0.4:
                self._attachment(f"file{i}", made.ticket_number)

    def _comment(self, name: str, of: str) -> None:
        self.rows.comments.append(
            comment(
                name,
                of,
                text=self.name(10_000),
                author_id=self.maybe(self.random.choice(self.rows.users).id),
                is_internal=self.random.random() < 0.4,
                created_at=self.time(),
            )
        )

    def _attachment(self, name: str, of: str) -> None:
        for j in range(2):
            self.rows.attachments.append(
                attachment(
                    f"{name}-{j}",
                    of,
                    name=self.name(200),
                    size=self.random.randint(0, 2**31 - 1),
                    uploaded_by_id=self.maybe(self.random.choice(self.rows.users).id),
                    created_at=self.time(),
                )
            )

    def _event(self, number: int) -> None:
        """Make an event of anything, or of a ticket that is gone."""
        of = self.random.choice(self.rows.tickets)
        gone = self.random.random() < 0.2
        contact_id = self.random.choice(self.rows.contacts).id
        companies = [self.random.choice(self.rows.companies).id for _ in "ab"]
        self.rows.ticketEvents.append(
            event(
                f"event{number}",
                f"gone{number % 3}" if gone else of.ticket_number,
                seq=number + 1,
                type=self.random.choice(list(TicketEventType)),
                company_id=of.company_id,
                comment_id=self.maybe(self.random.choice(self.rows.comments).id),
                attachment_id=self.maybe(self.random.choice(self.rows.attachments).id),
                actor_id=self.maybe(self.random.choice(self.rows.users).id),
                via=self.random.choice(list(Via)).value,
                is_internal=self.random.random() < 0.3,
                at=self.time(),
                changes=self.random.choice(
                    [
                        [],
                        [change("company", *companies), change("contact", contact_id, None)],
                        [change("subject", self.text(200), self.text(200))],
                        [change("is_internal", True, False), change("due_date", None, NOON)],
                    ]
                ),
            )
        )


def make_awkward_rows() -> AllRows:
    """Return the rows of a desk full of awkward texts, ties and gaps."""
    return _Maker().make()
