"""Who sends a request, as far as rules need to know."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from models import Role


class ViewerKind(Enum):
    """What decides which rows a viewer sees, and so the SQL of a read."""

    ANONYMOUS = "nobody"
    CUSTOMER = "customer"
    STAFF = "staff"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking."""

    id: UUID
    role: Role
    company_id: UUID | None

    @property
    def kind(self) -> ViewerKind:
        """What the viewer is to the rules of ``access``."""
        if self.role is Role.CUSTOMER:
            return ViewerKind.CUSTOMER
        return ViewerKind.ADMIN if self.role is Role.ADMIN else ViewerKind.STAFF

    @property
    def is_customer(self) -> bool:
        """Whether the viewer is bound to one company."""
        return self.role is Role.CUSTOMER
