"""One object of each kind, so that every staff page has something to show."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from mamori.desks.services import figures_refresh
from mamori.ground import clock
from mamori.ground.accounts import services as accounts
from mamori.ground.accounts.models import Invitation, Membership, Organisation, Token, User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import letter_post
from mamori.ground.sealed.services import seal_texts
from mamori.hotline.assessment.models import ContentItem, Decision, Lease
from mamori.hotline.assessment.services import lease_take
from mamori.hotline.checks.models import Watch
from mamori.hotline.referral.models import Evidence, Preservation, Referral
from mamori.hotline.referral.services import hold_request
from mamori.hotline.takedown.models import HosterAnswer, Notice, NoticeItem, Removal
from mamori.hotline.tracing.models import Contact, Trace
from mamori.lists.distribution.models import Edition, EditionChange, Subscriber, Wait
from mamori.lists.fingerprints.models import ImportRun
from mamori.lists.listing.models import Appeal, SigningKey
from tests.hotline.intake_steps import take
from tests.lists.cases import checked, confirmed, make_body, told_to_police, tried
from tests.lists.fingerprints.world import bank_objects

Make = Callable[..., User]
Known = dict[str, Any]


def objects(person: Make) -> Known:
    """Url parameter -> the id of an object that exists. Made by other people than those who look."""
    now = clock.now()
    first, second = person(Role.ANALYST), person(Role.ANALYST)
    content_id = confirmed("https://page.example/board/1", first, second)
    referral = told_to_police(content_id)
    checked(content_id)
    tried(content_id)
    Removal.objects.filter(content_id=content_id).update(exhausted_at=now)
    Watch.objects.create(content_id=content_id, since=now)
    contact = Contact.objects.create(mail="abuse@host.example", source="rdap_ip", found_at=now, needed_at=now)
    Trace.objects.create(content_id=content_id, host="page.example", contact=contact, opened_at=now, state="traced")
    Evidence.objects.create(content_id=content_id, made_at=now, key_id="0" * 64, envelope="{}")
    preservation = Preservation.objects.create(
        content_id=content_id, contact_id=contact.id, requested_at=now, until=now + timedelta(days=30)
    )
    notice = Notice.objects.create(contact=contact, level="hoster", opened_at=now, item_count=1)
    item = NoticeItem.objects.create(notice=notice, content_id=content_id, number=1, joined_at=now)
    answer = HosterAnswer.objects.create(id=uuid4(), token_digest="0" * 64, kind="question", at=now, notice=notice)
    body = make_body(person)
    entry = body.propose(content_id)
    appeal = Appeal.objects.create(
        code="0" * 16, token="t", url="https://page.example/", host="page.example", **_sealed(), received_hour=now
    )
    edition = Edition.objects.create(version=1, state="published", digest="0" * 64, built_at=now, published_at=now)
    EditionChange.objects.create(
        edition=edition, entry_id=entry.id, change="added", method="dns", target="page.example", since=now
    )
    Wait.objects.create(entry_id=entry.id, ring=0, since=now)
    provider = accounts.organisation_create(actor=SYSTEM, name="Provider", kind=Organisation.Kind.PROVIDER)
    subscriber = Subscriber.objects.create(organisation=provider, delivery="nxdomain", added_at=now)
    accounts.token_create(actor=SYSTEM, organisation_id=provider.id, title="t", scopes=[])
    hotline = Organisation.objects.get(kind="hotline")
    accounts.invite(actor=SYSTEM, email="n@staff.example", organisation_id=hotline.id, role=Role.ANALYST)
    letter = letter_post(key="x", kind="notice", to="a@host.example", subject="s", body="b")
    Letter.objects.filter(id=letter).update(state="uncertain")
    _code, reports = take(first, "https://other.example/1")
    figures_refresh()
    return {
        **bank_objects(person, content_id),
        "content_id": content_id,
        "referral_id": referral.id,
        "preservation_id": preservation.id,
        "contact_id": contact.id,
        "notice_id": notice.id,
        "item_id": item.id,
        "answer_id": answer.id,
        "entry_id": entry.id,
        "appeal_id": appeal.id,
        "subscriber_id": subscriber.id,
        "version": 1,
        "method": "url",
        "key": SigningKey.objects.filter(person=body.reviewer).values_list("id", flat=True)[0],
        "step": "revoke",
        "token_id": Token.objects.values_list("id", flat=True)[0],
        "invitation_id": Invitation.objects.values_list("id", flat=True)[0],
        "letter_id": letter,
        "report_id": reports[0].id,
        "decision_id": Decision.objects.filter(content_id=content_id).values_list("id", flat=True)[0],
        "user_id": first.id,
        "membership_id": Membership.objects.get(user=first).id,
    }


def _sealed() -> dict[str, object]:
    key, sealed = seal_texts({"text": "a", "contact": "b"})
    return {"seal_key": key, "text": sealed["text"], "contact": sealed["contact"]}


# What a form needs before it: each brings the object of the world there, for the person who sends it.


def organisation() -> UUID:
    return Organisation.objects.get(kind="hotline").id


def waiting(known: Known, _user: User) -> None:
    """The item waits for a first opinion of a new round."""
    item = ContentItem.objects.get(id=known["content_id"])
    item.state, item.round, item.position = "awaiting_assessment", item.round + 1, 1
    item.save()


def leased(known: Known, user: User) -> None:
    waiting(known, user)
    lease = lease_take(actor=user.actor, content_id=known["content_id"])
    Lease.objects.filter(id=lease).update(until=clock.now() + timedelta(minutes=9))


def _referral(known: Known, state: str, **fields: object) -> None:
    Referral.objects.filter(id=known["referral_id"]).update(state=state, **fields)


def delivered(known: Known, _user: User) -> None:
    _referral(known, "delivered", cleared_at=None)


def sent(known: Known, _user: User) -> None:
    early = clock.now() - timedelta(hours=1)
    _referral(
        known,
        "sent",
        opened_at=early,
        queued_at=early,
        sent_at=early,
        cleared_at=None,
        delivered_at=None,
        delivered_by="",
        officer="",
    )


def held(known: Known, user: User) -> None:
    delivered(known, user)
    officer = User.objects.filter(memberships__role=Role.POLICE_LIAISON).first()
    assert officer is not None
    hold_request(actor=officer.actor, referral_id=known["referral_id"], until=clock.now() + timedelta(days=2),
                 reason="We look.")  # fmt: skip


def disputed(known: Known, _user: User) -> None:
    NoticeItem.objects.filter(id=known["item_id"]).update(state="disputed")


def unread(known: Known, _user: User) -> None:
    """The import is one of a file given on a page, and is being read."""
    ImportRun.objects.filter(id=known["import_id"]).update(state="running", total=9, done_at=None)
