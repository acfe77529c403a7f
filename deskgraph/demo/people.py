"""The people of the demo: staff in every role, companies with contacts and customers."""

from datetime import timedelta

from deskgraph.demo.factory import DemoFactory, Row
from models import Role

# Everybody was there before the first ticket, in days before now.
COMPANIES_SINCE_DAYS = (200, 900)
USERS_SINCE_DAYS = (150, 180)


def make_people(maker: DemoFactory, data: Row, password: str) -> None:
    """Add everybody; ``password`` is the hash that all users get."""
    for person in data["staff"]:
        maker.rows.users.append(
            _user(maker, person["username"], person["name"].split(" ", 1), "desk.example")
            | {"role": Role(person["role"]), "department": person["department"]}
        )
    for entry in data["companies"]:
        company = _company(maker, entry)
        maker.rows.companies.append(company)
        for place, contact in enumerate(entry["contacts"]):
            maker.rows.contacts.append(
                _contact(maker, company, contact, entry["domain"]) | {"is_primary": place == 0}
            )
        for customer in entry["customers"]:
            username, *names = customer.split("/")
            maker.rows.users.append(
                _user(maker, username, names, entry["domain"])
                | {"role": Role.CUSTOMER, "company_id": company["id"]}
            )
    for user in maker.rows.users:
        user["password"] = password


def _company(maker: DemoFactory, entry: Row) -> Row:
    since = maker.ago(*COMPANIES_SINCE_DAYS)
    copied = ("name", "legal_entity_name", "country", "city", "industry", "billing_entity")
    return {key: entry[key] for key in copied} | {
        "id": maker.id(since),
        "website": f"https://{entry['domain']}/",
        "is_active": True,
        "notes": "",
        "created_at": since,
        "updated_at": since,
    }


def _contact(maker: DemoFactory, company: Row, entry: str, domain: str) -> Row:
    name, title = entry.split("/")
    since = company["created_at"] + timedelta(days=1)
    return {
        "id": maker.id(since),
        "company_id": company["id"],
        "name": name,
        "email": f"{_mailbox(name)}@{domain}",
        "phone": _phone(maker),
        "title": title,
        "department": "",
        "contact_type": "Other",
        "is_active": True,
        "linkedin_url": "",
        "notes": "",
        "last_contacted": maker.ago(1, 90) if maker.chance(0.7) else None,
        "created_at": since,
        "updated_at": since,
    }


def _user(maker: DemoFactory, username: str, names: list[str], domain: str) -> Row:
    since = maker.ago(*USERS_SINCE_DAYS)
    return {
        "id": maker.id(since),
        "username": username,
        "first_name": names[0],
        "last_name": names[1],
        "email": f"{_mailbox(' '.join(names))}@{domain}",
        "phone": _phone(maker),
        "department": "",
        "company_id": None,
        "is_active": True,
        "date_joined": since,
        "last_login": None,
    }


def _mailbox(name: str) -> str:
    return name.lower().replace(" ", ".")


def _phone(maker: DemoFactory) -> str:
    return f"+00 555 {maker.random.randint(0, 9999):04}"
