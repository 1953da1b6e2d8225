"""Content the hotline confirmed, with the facts the list body needs, and members of the body with keys of their own."""

import base64
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Literal
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.urls import reverse

from mamori.engine.addresses import canonicalize
from mamori.engine.editions import Member, read_edition
from mamori.engine.keys import load_signing_key
from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.hotline.assessment.models import ContentItem, Criteria, Decision
from mamori.hotline.checks.models import Check
from mamori.hotline.referral.models import Hold, Policy, Referral
from mamori.hotline.takedown.models import Removal
from mamori.lists.distribution import store
from mamori.lists.distribution.keys import member_add
from mamori.lists.distribution.making import make
from mamori.lists.distribution.services.formats import publish
from mamori.lists.listing import queries, services
from mamori.lists.listing.models import Entry
from mamori.lists.listing.states import TESTS, Method, Reason
from tests.engine.formats.cases import entry as format_entry

WORDS = "Seen and written down by two analysts on two days."


def answers(method: Method = Method.DNS, **no: bool) -> dict[str, dict[str, object]]:
    return {str(test): {"yes": not no.get(test, False), "reason": WORDS} for test in TESTS[method]}


def confirmed(url: str, *analysts: User) -> UUID:
    """A content item two analysts found illegal."""
    address = canonicalize(url)
    now = clock.now()
    item = ContentItem.objects.create(
        url=address.url, digest=address.digest, host=address.host, registrable=address.registrable or "",
        state="monitoring", opened_at=now, state_at=now,
    )  # fmt: skip
    criteria = Criteria.objects.first()
    decisions = [
        Decision.objects.create(
            content=item, round=1, position=at, verdict="BASELINE", criteria=criteria, decided_by=who, decided_at=now
        )
        for at, who in enumerate(analysts, 1)
    ]
    ContentItem.objects.filter(id=item.id).update(
        verdict="BASELINE", decision=decisions[0], confirmation=decisions[1], settled_at=now
    )
    return item.id


def told_to_police(content_id: UUID, *, cleared: bool = True) -> Referral:
    now = clock.now()
    policy = Policy.objects.first() or Policy.objects.create(
        jurisdiction="JP", version=1, kind="silent_consent", set_at=now
    )
    return Referral.objects.create(
        content_id=content_id, policy=policy, kind="silent_consent", state="no_objection", opened_at=now,
        queued_at=now, sent_at=now, delivered_at=now, delivered_by="desk", officer="An Officer",
        cleared_at=now if cleared else None,
    )  # fmt: skip


def hold(content_id: UUID) -> None:
    now = clock.now()
    Hold.objects.create(
        referral=Referral.objects.get(content_id=content_id), asked_at=now, asked_by=uuid4(),
        until=now + timedelta(days=3), data_key=uuid4(), sealed_reason=b"x", late=True,
    )  # fmt: skip


def release(content_id: UUID) -> None:
    Hold.objects.filter(referral__content_id=content_id, ended_at=None).update(
        ended_at=clock.now(), ended_how="released"
    )


def checked(content_id: UUID, result: str = "online_same") -> None:
    Check.objects.create(content_id=content_id, at=clock.now(), result=result, vantage="here")


def tried(content_id: UUID, *, too_slow: bool = True) -> None:
    now = clock.now()
    Removal.objects.update_or_create(
        content_id=content_id,
        defaults={
            "state": "noticed", "wanted_at": now, "level": "hoster", "steps": 1, "first_told_at": now,
            "too_slow_at": now if too_slow else None,
        },
    )  # fmt: skip


@dataclass
class Body:
    """The list body: one reviewer, one approver, a second approver who is also a reviewer, each with a key."""

    reviewer: User
    approver: User
    both: User
    keys: dict[UUID, Ed25519PrivateKey]

    def signature(self, user: User, entry: Entry) -> str:
        entry.refresh_from_db()
        return base64.b64encode(self.keys[user.id].sign(queries.activation_of(entry))).decode()

    def propose(self, content_id: UUID, method: Method = Method.DNS, by: User | None = None, **more: object) -> Entry:
        user = by or self.reviewer
        entry = services.entry_propose(
            actor=user.actor, content_id=content_id, method=method, reason=Reason.TOO_SLOW,
            answers=answers(method), **more,  # type: ignore[arg-type]
        )  # fmt: skip
        services.entry_sign(actor=user.actor, entry_id=entry.id, signature=self.signature(user, entry))
        return entry

    def activate(self, entry: Entry, by: User | None = None) -> Entry:
        user = by or self.approver
        services.entry_activate(actor=user.actor, entry_id=entry.id, signature=self.signature(user, entry))
        entry.refresh_from_db()
        return entry

    def list(self, content_id: UUID, method: Method = Method.DNS) -> Entry:
        return self.activate(self.propose(content_id, method))


def make_body(person: Callable[..., User]) -> Body:
    reviewer = person(Role.LIST_REVIEWER, name="Rei Reviewer")
    approver = person(Role.LIST_APPROVER, name="Aki Approver")
    both = person(Role.LIST_REVIEWER, Role.LIST_APPROVER, name="Bo Both")
    operator = person(Role.OPERATOR, name="Omi Operator")
    keys = {}
    for user in (reviewer, approver, both):
        keys[user.id] = Ed25519PrivateKey.generate()
        raw = keys[user.id].public_key().public_bytes_raw()
        key = services.key_register(actor=user.actor, public_key=base64.b64encode(raw).decode())
        services.key_confirm(actor=operator.actor, key=key.id)
    return Body(reviewer, approver, both, keys)


def vouch(folder: Path, body: Body) -> None:
    """The holders of the root key sign the body's keys into the list of members."""
    today = clock.now().date()
    for user in (body.reviewer, body.approver, body.both):
        role: Literal["reviewer", "approver"] = "reviewer" if user == body.reviewer else "approver"
        public = body.keys[user.id].public_key().public_bytes_raw()
        member = Member(user.name, role, public, today, today + timedelta(days=365))
        member_add(folder, member, (load_signing_key(folder / "root.pem"),))


def listable(url: str, person: Callable[..., User]) -> UUID:
    """Content for which every condition of a listing is met."""
    content_id = confirmed(url, person(Role.ANALYST), person(Role.ANALYST))
    told_to_police(content_id)
    checked(content_id)
    tried(content_id)
    return content_id


def post(client: Client, name: str, *args: object, **data: object):
    return client.post(reverse(name, args=args), data)


def in_force(press: SimpleNamespace) -> set[str]:
    """What the edition in the folder lists by DNS, read as a subscriber does."""
    files = store.read(press.folder, store.current(press.folder) or 0)
    return set(read_edition(files, press.root, clock.now()).names())


def lose(press: SimpleNamespace) -> None:
    """All editions in the folder, and the link."""
    for place in press.folder.iterdir():
        place.unlink() if place.is_symlink() else shutil.rmtree(place)


def write_formats(folder: Path, edition: int, *targets: str) -> None:
    """All formats of an edition of these entries, without the whole publication."""
    entries = [format_entry(target, number=number) for number, target in enumerate(targets, 1)]
    publish(folder, make(folder, edition, entries, lambda _step: None), lambda _files: {})
