"""Who acts: a person of an organisation, a partner's machine, the system itself, or nobody known (the public)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from mamori.ground.errors import Forbidden


class Role(StrEnum):
    """What a member may be. Stored: never rename or reuse a value."""

    ANALYST = "analyst"
    SENIOR_ANALYST = "senior_analyst"
    POLICE_LIAISON = "police_liaison"
    LIST_REVIEWER = "list_reviewer"
    LIST_APPROVER = "list_approver"
    AUDITOR = "auditor"
    OPERATOR = "operator"


_permissions: dict[str, frozenset[Role]] = {}


def grant(permission: str, *roles: Role) -> None:
    """Say which roles hold a permission. Each room does so for its own, once, in `permissions.py`."""
    if permission in _permissions and _permissions[permission] != frozenset(roles):
        raise ValueError(f"permission {permission} is granted twice")
    _permissions[permission] = frozenset(roles)


def permissions() -> dict[str, frozenset[Role]]:
    """All permissions with the roles that hold them."""
    return dict(_permissions)


@dataclass(frozen=True)
class Actor:
    """The one who acts. `scopes` are a partner token's permissions; `roles` a person's."""

    kind: str
    id: UUID | None = None
    organisation_id: UUID | None = None
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()

    @property
    def is_system(self) -> bool:
        return self.kind == "system"

    def may(self, permission: str) -> bool:
        if self.is_system:
            return True
        return permission in self.scopes or bool(self.roles & _permissions.get(permission, frozenset()))

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds `permission`."""
        if not self.may(permission):
            raise Forbidden(permission)


SYSTEM = Actor("system")
PUBLIC = Actor("public")
