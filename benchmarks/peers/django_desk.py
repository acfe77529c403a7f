"""Django REST framework over the same tables, with the serializers that the reference describes.

``gunicorn benchmarks.peers.django_desk:application``, in the environment of ``requirements.lock``.
Needs ``DATABASE_URL`` (PostgreSQL) and ``BASELINE_TOKEN``.
"""

# ruff: noqa: D101, D102, D106 - the fields are those of the reference.

import os
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

parts = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    # It adds Content-Length.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["django.contrib.contenttypes", "rest_framework"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path[1:],
            "HOST": parts.hostname or "",
            "PORT": parts.port or "",
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.db.models import Prefetch  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import generics, pagination, permissions, serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402

FINISHED = ("resolved", "closed")


class Named(models.Model):
    """A company or a contact, of which only the name is shown."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField()

    class Meta:
        abstract = True


class Company(Named):
    class Meta:
        app_label, managed, db_table = "desk", False, "companies"


class Contact(Named):
    class Meta:
        app_label, managed, db_table = "desk", False, "contacts"


class User(models.Model):
    id = models.UUIDField(primary_key=True)
    first_name = models.TextField()
    last_name = models.TextField()
    role = models.TextField()

    class Meta:
        app_label, managed, db_table = "desk", False, "users"

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


def to(model: type[models.Model], *, null: bool = True) -> models.ForeignKey:
    """Declare a reference."""
    return models.ForeignKey(model, models.DO_NOTHING, null=null, related_name="+")


class Ticket(models.Model):
    id = models.UUIDField(primary_key=True)
    ticket_number = models.TextField()
    subject = models.TextField()
    description = models.TextField()
    status = models.TextField()
    priority = models.TextField()
    category = models.TextField()
    company = to(Company, null=False)
    contact = to(Contact)
    assigned_to = to(User)
    assigned_team = models.TextField(null=True)
    created_by = to(User)
    first_response_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    due_date = models.DateTimeField(null=True)
    tags = models.TextField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "desk", False, "tickets"
        ordering = ("-created_at", "-id")


class Comment(models.Model):
    id = models.UUIDField(primary_key=True)
    ticket = models.ForeignKey(Ticket, models.DO_NOTHING, related_name="comments")
    author = to(User)
    text = models.TextField()
    is_internal = models.BooleanField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "desk", False, "comments"
        ordering = ("created_at", "id")


class Attachment(models.Model):
    id = models.UUIDField(primary_key=True)
    ticket = models.ForeignKey(Ticket, models.DO_NOTHING, related_name="attachments")
    key = models.TextField()
    name = models.TextField()
    size = models.BigIntegerField()
    uploaded_by = to(User)
    created_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "desk", False, "attachments"
        ordering = ("-created_at", "-id")


class CommentSerializer(serializers.ModelSerializer):
    author_name = serializers.CharField(source="author.get_full_name", read_only=True)
    author_role = serializers.CharField(source="author.role", read_only=True)

    class Meta:
        model = Comment
        fields = (
            *("id", "ticket", "author", "author_name", "author_role", "text", "is_internal"),
            *("created_at", "updated_at"),
        )


class AttachmentSerializer(serializers.ModelSerializer):
    file = serializers.SerializerMethodField()
    uploaded_by_name = serializers.CharField(source="uploaded_by.get_full_name", read_only=True)

    class Meta:
        model = Attachment
        fields = (
            *("id", "ticket", "file", "name", "size", "uploaded_by", "uploaded_by_name"),
            "created_at",
        )

    def get_file(self, attachment: Attachment) -> str:
        request: Request = self.context["request"]
        return request.build_absolute_uri(f"/media/{attachment.key}")


class TicketSerializer(serializers.ModelSerializer):
    company_name = serializers.CharField(source="company.name", read_only=True)
    contact_name = serializers.CharField(source="contact.name", read_only=True)
    assigned_to_name = serializers.CharField(source="assigned_to.get_full_name", read_only=True)
    created_by_name = serializers.CharField(source="created_by.get_full_name", read_only=True)
    first_response_time_hours = serializers.SerializerMethodField()
    resolution_time_hours = serializers.SerializerMethodField()
    is_overdue = serializers.SerializerMethodField()
    comments = CommentSerializer(many=True)
    attachments = AttachmentSerializer(many=True)
    comments_count = serializers.SerializerMethodField()
    internal_notes_count = serializers.SerializerMethodField()

    class Meta:
        model = Ticket
        fields = (
            *("id", "ticket_number", "subject", "description", "status", "priority", "category"),
            *("company", "company_name", "contact", "contact_name"),
            *("assigned_to", "assigned_to_name", "assigned_team", "created_by", "created_by_name"),
            *("first_response_at", "resolved_at", "closed_at", "due_date"),
            *("first_response_time_hours", "resolution_time_hours", "is_overdue", "tags"),
            *("comments", "attachments", "comments_count", "internal_notes_count"),
            *("created_at", "updated_at"),
        )

    def get_first_response_time_hours(self, ticket: Ticket) -> float | None:
        return _hours(ticket, ticket.first_response_at)

    def get_resolution_time_hours(self, ticket: Ticket) -> float | None:
        return _hours(ticket, ticket.resolved_at)

    def get_is_overdue(self, ticket: Ticket) -> bool:
        due = ticket.due_date
        return bool(due and due < timezone.now() and ticket.status not in FINISHED)

    def get_comments_count(self, ticket: Ticket) -> int:
        return sum(not comment.is_internal for comment in ticket.comments.all())

    def get_internal_notes_count(self, ticket: Ticket) -> int:
        return sum(comment.is_internal for comment in ticket.comments.all())


def _hours(ticket: Ticket, until: object) -> float | None:
    return round((until - ticket.created_at).total_seconds() / 3600, 2) if until else None


class Pages(pagination.PageNumberPagination):
    page_size = 20
    page_size_query_param = "page_size"


class HasToken(permissions.BasePermission):
    """The cheapest check there can be: it compares a constant."""

    def has_permission(self, request: Request, view: object) -> bool:
        return request.headers.get("Authorization") == f"Bearer {os.environ['BASELINE_TOKEN']}"


class TicketList(generics.ListAPIView):
    authentication_classes = ()
    permission_classes = (HasToken,)
    serializer_class = TicketSerializer
    pagination_class = Pages
    queryset = Ticket.objects.select_related(
        "company", "contact", "assigned_to", "created_by"
    ).prefetch_related(
        Prefetch("comments", Comment.objects.select_related("author")),
        Prefetch("attachments", Attachment.objects.select_related("uploaded_by")),
    )


urlpatterns = [path("api/v1/tickets/", TicketList.as_view())]
application = get_wsgi_application()
