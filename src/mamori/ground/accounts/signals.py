"""What allauth and Django say about log-ins and second factors goes into the audit log."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import Signal

from mamori.ground import audit
from mamori.ground.accounts.models import User
from mamori.ground.actors import PUBLIC


def connect() -> None:
    """Listen; connecting twice changes nothing."""
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.logged_in")
    user_login_failed.connect(_log_in_failed, dispatch_uid="accounts.log_in_failed")
    authentication_failed.connect(_second_factor_failed, dispatch_uid="accounts.second_factor_failed")
    changes: list[tuple[Signal, Any]] = [
        (authenticator_added, _added),
        (authenticator_removed, _removed),
        (authenticator_reset, _reset),
    ]
    for signal, receiver in changes:
        signal.connect(receiver, dispatch_uid=f"accounts.{receiver.__name__}")


def _logged_in(*, user: User, **_: Any) -> None:
    audit.record("accounts.logged_in", subject=user, actor=user.actor)


def _log_in_failed(*, credentials: dict[str, Any], **_: Any) -> None:
    user = User.objects.filter(email__iexact=str(credentials.get("email") or "")).first()
    audit.record("accounts.log_in_failed", subject=user or "accounts:unknown", actor=PUBLIC)


def _second_factor_failed(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    audit.record("accounts.second_factor_failed", subject=user, actor=PUBLIC, type=authenticator.type)


def _added(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    audit.record("accounts.second_factor_added", subject=user, actor=user.actor, type=authenticator.type)


def _removed(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    audit.record("accounts.second_factor_removed", subject=user, actor=user.actor, type=authenticator.type)


def _reset(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    audit.record("accounts.second_factor_reset", subject=user, actor=user.actor, type=authenticator.type)
