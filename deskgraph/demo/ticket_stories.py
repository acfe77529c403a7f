"""The tickets of the demo, made one by one: who wrote what and when, and how it ended.

A story keeps the rules of the resolvers (the team by category, times stamped once, one event for
each change, in order), so that the demo looks as if it had been typed in over four months.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from deskgraph.demo.factory import DemoFactory, Row
from deskgraph.demo.files import make_file
from models import (
    TEAM_OF_CATEGORY,
    Role,
    Team,
    TicketCategory,
    TicketEventType,
    TicketPriority,
    TicketStatus,
)
from resolvers.events.log import change
from resolvers.files.media_types import sniff

DAYS = 120
# Roles that take tickets of no team.
GENERALISTS = (Role.TECH, Role.SALES)
STAMPS = {TicketStatus.RESOLVED: "resolved_at", TicketStatus.CLOSED: "closed_at"}
PRIORITY_WEIGHTS = {"low": 25, "medium": 45, "high": 22, "urgent": 8}

# Something that happens, after so many hours at least and at most.
Step = tuple[float, float, Callable[[], None]]


def make_tickets(maker: DemoFactory, data: Row, count: int) -> None:
    """Add tickets with all that belongs to them, and the counters behind their numbers."""
    stories = data["stories"]
    weights = [story["weight"] for story in stories]
    days: Counter[str] = Counter()
    # More of them lately: the newest ones are what a visitor sees first.
    ages = (DAYS * maker.random.random() ** 1.7 for _ in range(count))
    for at in sorted(maker.ago(age, age + 0.1) for age in ages):
        day = f"{at:%Y%m%d}"
        days[day] += 1
        story = maker.random.choices(stories, weights)[0]
        _Story(maker, data, story, at, f"T-{day}-{days[day]:04}").tell()
    maker.rows.day_counters += [{"day": day, "value": value} for day, value in days.items()]
    maker.rows.ticket_events.sort(key=lambda event: event["at"])


class _Story:
    """One ticket from its first line to where it stands now."""

    def __init__(
        self,
        maker: DemoFactory,
        data: Row,
        story: Row,
        at: datetime,
        number: str,
    ) -> None:
        self.maker = maker
        self.story = story
        self.at = at
        self.company = maker.random.choice(maker.rows.companies)
        self.customers = self._users(lambda user: user["company_id"] == self.company["id"])
        self.words = {
            "zone": maker.random.choice(data["zones"]),
            "playlist": maker.random.choice(data["playlists"]),
            "city": self.company["city"],
            "hours": maker.random.randint(2, 9),
            "person": maker.random.choice(maker.rows.contacts)["name"],
        }
        is_customers = maker.chance(0.7)
        self.opener = self._asker() if is_customers else maker.random.choice(self._users(_is_staff))
        self.ticket = self._open(number)
        self.helper = maker.random.choice(self._users(self._may_help))

    def tell(self) -> None:
        """Let things happen until the story ends, stalls or reaches the present."""
        # Some tickets are left lying: a desk has old ones too.
        patience = self.maker.random.randint(0, 6) if self.maker.chance(0.2) else 99
        for number, (low, high, happen) in enumerate(self._plan()):
            self.at = self.maker.later(self.at, low, high)
            if number >= patience or self.at >= self.maker.now:
                return
            happen()

    def _plan(self) -> Iterator[Step]:
        """Yield what happens next; by then, what was before has happened."""
        maker, pick = self.maker, self.maker.random.choice
        if self.story["files"] and maker.chance(0.45):
            yield 0.01, 0.2, lambda: self._attach(pick(self.story["files"]))
        if maker.chance(0.95):
            yield 0.1, 9, self._assign
        if self.story["notes"] and maker.chance(0.5):
            yield 0.1, 4, lambda: self._say(self.helper, pick(self.story["notes"]), internal=True)
        yield 0.1, 12, lambda: self._say(self.helper, pick(self.story["asks"]))
        yield 0.01, 1, lambda: self._move(TicketStatus.IN_PROGRESS)
        if maker.chance(0.5):
            yield 0.1, 2, lambda: self._move(TicketStatus.PENDING)
        yield 1, 40, lambda: self._say(self._asker(), pick(self.story["answers"]))
        if self.ticket["status"] is TicketStatus.PENDING:
            yield 0.1, 5, lambda: self._move(TicketStatus.IN_PROGRESS)
        yield 2, 60, lambda: self._say(self.helper, pick(self.story["fixes"]))
        yield 0.01, 0.5, lambda: self._move(TicketStatus.RESOLVED)
        if maker.chance(0.4):
            yield 1, 20, lambda: self._say(self._asker(), "Thank you, it works as it should.")
        yield 24, 120, lambda: self._move(TicketStatus.CLOSED)

    def _open(self, number: str) -> Row:
        maker, pick = self.maker, self.maker.random.choice
        category = TicketCategory(self.story["category"])
        contacts = [
            contact
            for contact in maker.rows.contacts
            if contact["company_id"] == self.company["id"]
        ]
        priorities = maker.random.choices(list(PRIORITY_WEIGHTS), list(PRIORITY_WEIGHTS.values()))
        ticket: Row = {
            "id": maker.id(self.at),
            "ticket_number": number,
            "subject": self.story["subject"].format(**self.words),
            "description": self.story["description"].format(**self.words),
            "status": TicketStatus.NEW,
            "priority": TicketPriority(priorities[0]),
            "category": category,
            "company_id": self.company["id"],
            "contact_id": pick(contacts)["id"] if maker.chance(0.85) else None,
            "assigned_to_id": None,
            "assigned_team": TEAM_OF_CATEGORY.get(category),
            "created_by_id": self.opener["id"],
            "first_response_at": None,
            "resolved_at": None,
            "closed_at": None,
            "due_date": self.at + timedelta(days=pick((1, 2, 3, 7))) if maker.chance(0.6) else None,
            "tags": ",".join(self.story["tags"]) if maker.chance(0.8) else "",
            "version": 1,
            "created_at": self.at,
            "updated_at": self.at,
        }
        maker.rows.tickets.append(ticket)
        self._record(ticket, TicketEventType.CREATED, self.opener, version=1)
        return ticket

    def _assign(self) -> None:
        team = Team(self.helper["role"])
        changes = [change("assigned_to", None, self.helper["id"])]
        if team is not self.ticket["assigned_team"]:
            changes.append(change("assigned_team", self.ticket["assigned_team"], team))
        self._move(TicketStatus.ASSIGNED)
        self.ticket |= {"assigned_to_id": self.helper["id"], "assigned_team": team}
        self._record(
            self.ticket,
            TicketEventType.ASSIGNED,
            self.helper,
            changes=changes,
            version=self.ticket["version"],
        )

    def _move(self, status: TicketStatus) -> None:
        changes = [change("status", self.ticket["status"], status)]
        version = self.ticket["version"] + 1
        self.ticket |= {"status": status, "version": version, "updated_at": self.at}
        if stamp := STAMPS.get(status):
            self.ticket[stamp] = self.at
        self._record(
            self.ticket,
            TicketEventType.STATUS_CHANGED,
            self.helper,
            changes=changes,
            version=version,
        )

    def _say(self, author: Row, text: str, *, internal: bool = False) -> None:
        comment = {
            "id": self.maker.id(self.at),
            "ticket_id": self.ticket["id"],
            "author_id": author["id"],
            "text": text.format(**self.words),
            "is_internal": internal,
            "version": 1,
            "created_at": self.at,
            "updated_at": self.at,
        }
        self.maker.rows.comments.append(comment)
        if not internal and self.ticket["first_response_at"] is None:
            self.ticket |= {"first_response_at": self.at, "updated_at": self.at}
        self._record(
            self.ticket,
            TicketEventType.COMMENT_ADDED,
            author,
            comment_id=comment["id"],
            is_internal=internal,
            version=1,
        )

    def _attach(self, kind: str) -> None:
        name, content = make_file(self.maker, kind, self.words["zone"], self.at)
        token = base64.urlsafe_b64encode(self.maker.random.randbytes(18)).decode()
        attachment = {
            "id": self.maker.id(self.at),
            "ticket_id": self.ticket["id"],
            "key": f"tickets/attachments/{self.at:%Y/%m}/{token}/{name}",
            "name": name,
            "size": len(content),
            "content_type": sniff(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "uploaded_by_id": self.opener["id"],
            "created_at": self.at,
            "updated_at": self.at,
        }
        self.maker.rows.attachments.append(attachment)
        self.maker.rows.files[attachment["key"]] = content
        self._record(
            self.ticket,
            TicketEventType.ATTACHMENT_ADDED,
            self.opener,
            attachment_id=attachment["id"],
            changes=[change("name", None, name)],
        )

    def _record(self, ticket: Row, event: TicketEventType, actor: Row, **more: object) -> None:
        self.maker.rows.ticket_events.append(
            {
                "id": self.maker.id(self.at),
                "type": event,
                "ticket_id": ticket["id"],
                "company_id": ticket["company_id"],
                "ticket_number": ticket["ticket_number"],
                "comment_id": None,
                "attachment_id": None,
                "actor_id": actor["id"],
                "via": "import",
                "is_internal": False,
                "changes": [],
                "version": None,
                "at": self.at,
            }
            | more
        )

    def _asker(self) -> Row:
        """Return who speaks for the company; its account manager where it has no login."""
        return self.maker.random.choice(
            self.customers or self._users(lambda user: user["role"] is Role.SALES)
        )

    def _may_help(self, user: Row) -> bool:
        team = self.ticket["assigned_team"]
        return user["role"] in GENERALISTS if team is None else user["role"] == team

    def _users(self, wanted: Callable[[Row], bool]) -> list[Row]:
        return [user for user in self.maker.rows.users if wanted(user)]


def _is_staff(user: Row) -> bool:
    return user["role"] is not Role.CUSTOMER
