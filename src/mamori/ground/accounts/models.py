"""People and organisations. A person has one log-in and a role in one or more organisations."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from mamori.ground.actors import Actor, Role


class Organisation(models.Model):
    """An institution that works with the platform."""

    class Kind(models.TextChoices):
        HOTLINE = "hotline"
        POLICE = "police"
        LIST_BODY = "list_body"
        OVERSIGHT = "oversight"
        PROVIDER = "provider"
        OPERATOR = "operator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Finds users by their mail address, without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, name: str, password: str | None = None) -> "User":
        user = self.model(email=email.lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person of an institution."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True, help_text="When the last role was taken.")

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    @property
    def organisation_name(self) -> str:
        """The organisation the person acts for."""
        first = self.memberships.select_related("organisation").order_by("id").first()
        return first.organisation.name if first else ""

    @property
    def actor(self) -> Actor:
        """This person as an actor: all roles held, in the organisation of the first membership."""
        memberships = list(self.memberships.order_by("id")) if self.is_active else []
        return Actor(
            "person",
            id=self.id,
            organisation_id=memberships[0].organisation_id if memberships else None,
            roles=frozenset(Role(m.role) for m in memberships),
        )


class Membership(models.Model):
    """A role of a person in an organisation."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=24, choices=[(str(r), str(r)) for r in Role])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organisation", "role"], name="accounts_membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=[str(r) for r in Role]), name="accounts_membership_role_known"
            ),
        ]


class Invitation(models.Model):
    """A link by which one person joins one organisation in one role. Only the hash of its secret is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    role = models.CharField(max_length=24)
    renews = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="A member who starts anew: same roles."
    )
    invited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)


class Token(models.Model):
    """A partner's key to the API: scopes, an organisation, and the hash of its secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    digest = models.CharField(max_length=64, unique=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="tokens")
    title = models.CharField(max_length=120)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
