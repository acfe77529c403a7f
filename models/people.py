"""Users, the companies that are helped, and their contacts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.base import choice_check, choice_column, id_column, reference, time_column
from models.choices import Role
from models.search import search_column, searchable, trigram_index


@searchable
class Company(SQLModel, table=True):
    """A customer company."""

    __tablename__ = "companies"
    __table_args__ = (
        Index(None, "name", "id"),
        Index(None, "created_at", "id"),
        trigram_index("search_text"),
        trigram_index("search_name"),
        trigram_index("search_private"),
    )

    id: UUID = id_column()
    name: str = Field(max_length=255)
    legal_entity_name: str = Field(default="", max_length=255)
    country: str = Field(default="", max_length=100)
    city: str = Field(default="", max_length=100)
    website: str = Field(default="", max_length=200)
    industry: str = Field(default="", max_length=50)
    billing_entity: str = Field(default="", max_length=50)
    is_active: bool = True
    notes: str = ""
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    search_text: str = search_column("name", "website", "country")
    # What a search of tickets and contacts looks for of their company.
    search_name: str = search_column("name")
    # Not for everybody who sees the company.
    search_private: str = search_column("notes")


@searchable
class User(SQLModel, table=True):
    """Somebody who can log in: a member of staff, or a customer bound to one company."""

    __tablename__ = "users"
    __table_args__ = (
        choice_check("role", Role),
        CheckConstraint("(role = 'Customer') = (company_id IS NOT NULL)", name="customer_company"),
        Index(None, "date_joined", "id"),
        Index(None, "company_id"),
    )

    id: UUID = id_column()
    username: str = Field(max_length=150, unique=True)
    password: str = Field(max_length=255)
    first_name: str = Field(default="", max_length=150)
    last_name: str = Field(default="", max_length=150)
    email: str = Field(default="", max_length=254)
    role: Role = choice_column(Role, 20)
    phone: str = Field(default="", max_length=20)
    department: str = Field(default="", max_length=50)
    company_id: UUID | None = reference("companies.id", nullable=True)
    is_active: bool = True
    date_joined: datetime = time_column()
    last_login: datetime | None = time_column(nullable=True)
    search_text: str = search_column("username", "first_name", "last_name")
    # Not for everybody who sees the user.
    search_private: str = search_column("email")
    # Tokens that were issued before this moment are no good. Only ever moves forward.
    tokens_not_before: datetime | None = time_column(nullable=True)


@searchable
class Contact(SQLModel, table=True):
    """A person at a company whom a ticket may be about; cannot log in."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index(None, "name", "id"),
        Index(None, "company_id", "name"),
        Index(None, "created_at", "id"),
        trigram_index("search_text"),
    )

    id: UUID = id_column()
    company_id: UUID = reference("companies.id")
    name: str = Field(max_length=100)
    email: str = Field(default="", max_length=254)
    phone: str = Field(default="", max_length=20)
    title: str = Field(default="", max_length=100)
    department: str = Field(default="", max_length=100)
    contact_type: str = Field(default="Other", max_length=20)
    is_primary: bool = False
    is_active: bool = True
    linkedin_url: str = Field(default="", max_length=200)
    notes: str = ""
    last_contacted: datetime | None = time_column(nullable=True)
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    search_text: str = search_column("name", "email", "phone", "title")


class RefreshToken(SQLModel, table=True):
    """A refresh token that was issued or revoked, known by its ``jti``; never the token itself.

    A family is a login and all tokens that followed from it; ``family_id`` is its first ``jti``.
    ``used_at``: when the token was exchanged for its ``successor``, which is a ``jti``, too.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"), Index(None, "family_id"))

    jti: str = Field(primary_key=True, max_length=64)
    user_id: UUID = reference("users.id", cascade=True)
    issued_at: datetime = time_column()
    expires_at: datetime = time_column()
    revoked_at: datetime | None = time_column(nullable=True)
    family_id: str | None = Field(default=None, max_length=64)
    used_at: datetime | None = time_column(nullable=True)
    successor: str | None = Field(default=None, max_length=64)
