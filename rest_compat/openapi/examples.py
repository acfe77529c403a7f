"""Examples of values, by the name of a field; any other field has the example of its kind."""

from uuid import UUID

ID = UUID("01950c0c-87c0-7a46-9501-7cafbe9da035")
TIME = "2025-11-19T10:30:00.000000Z"
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2lnbmF0dXJl"  # noqa: S105 - of nobody

EXAMPLES: dict[str, object] = {
    "ticket_number": "T-20251119-0001",
    "subject": "Zone offline in Bangkok office",
    "description": "Zone has been offline for 2 hours",
    "company_name": "Hilton Pattaya",
    "contact_name": "John Smith",
    "assigned_to_name": "Keith Thompson",
    "created_by_name": "Norbert Platzer",
    "uploaded_by_name": "Norbert Platzer",
    "author_name": "Keith Thompson",
    "author_role": "Tech",
    "first_response_time_hours": 0.08,
    "resolution_time_hours": 4.5,
    "tags": "urgent,zone-offline",
    "text": "I've checked the zone status",
    "file": "/media/tickets/attachments/2025/11/63tb5oea4fWjg3cmjipoC-Sj/screenshot.png",
    "size": 245678,
    "username": "keith",
    "password": "correct horse battery",
    "first_name": "Keith",
    "last_name": "Thompson",
    "email": "keith@desk.example",
    "phone": "+66 2 555 4476",
    "department": "Technical Support",
    "title": "Chief Engineer",
    "legal_entity_name": "Hilton Pattaya Co., Ltd.",
    "country": "Thailand",
    "city": "Pattaya",
    "website": "https://hotel.example",
    "industry": "Hotels",
    "billing_entity": "Asia",
    "notes": "Prefers calls in the morning",
    "contact_type": "Technical",
    "linkedin_url": "https://linkedin.example/in/john",
    "access": TOKEN,
    "refresh": TOKEN,
    "token": TOKEN,
    "message": "Logged out successfully",
}
# Of an entity, where the same name means something else.
OF_ENTITY: dict[tuple[str, str], object] = {
    ("Attachment", "name"): "screenshot.png",
    ("Company", "name"): "Hilton Pattaya",
    ("Contact", "name"): "John Smith",
    ("Contact", "email"): "john@hotel.example",
    ("Contact", "department"): "Engineering",
}


def example_of(about: str, name: str, kind: str) -> object:
    """Return an example of a field of an entity; ``kind`` is that of its schema."""
    by_kind = {"id": str(ID), "time": TIME, "boolean": True, "integer": 3, "number": 1.5}
    found = OF_ENTITY.get((about, name), EXAMPLES.get(name))
    return by_kind.get(kind, "text") if found is None else found
