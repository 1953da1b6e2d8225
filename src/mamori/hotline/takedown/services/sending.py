"""From a notice that gathers to letters that were delivered. Each letter is stored once, whatever runs twice."""

import json
from datetime import datetime, timedelta
from uuid import UUID

import pyrage
from django.db import transaction
from django.db.models import Max, Q
from pyrage.x25519 import Recipient

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.facts import announce
from mamori.ground.letters.services import letter_post
from mamori.hotline.assessment.services import content_monitored
from mamori.hotline.referral import queries as referral
from mamori.hotline.takedown import payload, readiness, wording, xarf
from mamori.hotline.takedown.facts import NoticeDelivered
from mamori.hotline.takedown.links import Token, token_for
from mamori.hotline.takedown.models import HosterPage, Notice, NoticeItem, NoticeLetter, Removal
from mamori.hotline.takedown.readiness import Obstacle
from mamori.hotline.takedown.services.rows import item_move, notice_locked, notice_move, notice_settle
from mamori.hotline.takedown.states import (
    FINISHED,
    GATHERING,
    ITEM_OPEN,
    TOLD,
    ItemState,
    LetterKind,
    Level,
    NoticeState,
)

GROUPING = timedelta(minutes=15)
ANSWER_WITHIN = timedelta(hours=24)
LOOK_AGAIN = timedelta(minutes=1)
PAGE_LIVES = timedelta(days=30)
PAGE_SERVES = timedelta(days=14)
MOST_NOTICES = 100
MOST_ITEMS = 200
_CAN_SEND = (*GATHERING, *TOLD, NoticeState.SENDING)


def notices_send() -> int:
    """Store a job for each notice that has gathered for a quarter of an hour, urgent ones at once: verify and send."""
    now = clock.now()
    due = (
        NoticeItem.objects.filter(Q(joined_at__lte=now - GROUPING) | Q(urgent=True), state=ItemState.WAITING)
        .filter(Q(looked_at=None) | Q(looked_at__lte=now - LOOK_AGAIN), notice__state__in=list(_CAN_SEND))
        .order_by("joined_at")
    )
    notices = list(dict.fromkeys(due.values_list("notice_id", flat=True)[: MOST_NOTICES * 10]))[:MOST_NOTICES]
    waiting = NoticeItem.objects.filter(notice_id__in=notices, state=ItemState.WAITING)
    with transaction.atomic():
        waiting.update(looked_at=now)
        jobs.defer_many("takedown.verify", [{"notice_id": str(notice_id)} for notice_id in notices])
    return len(notices)


def notice_verify(*, notice_id: UUID, actor: Actor = SYSTEM) -> bool:
    """Look at each waiting item for the last time, and tell those that are in order in one letter. True if one went out.

    Traces that are too old are asked anew outside any transaction.
    """
    _verifying(notice_id, actor)
    rows = NoticeItem.objects.filter(notice_id=notice_id, state=ItemState.WAITING).select_related("notice")
    asked: set[str] = set()
    looked = {item: look_last(item, asked) for item in rows.order_by("-urgent", "joined_at")[:MOST_ITEMS]}
    wanted = Removal.objects.filter(content_id__in=[item.content_id for item in looked if looked[item] is None])
    references = readiness.secure(dict(wanted.values_list("content_id", "wanted_at")))
    ready = [item.id for item, obstacle in looked.items() if _ready(item, obstacle, references.get(item.content_id))]
    return bool(ready) and _tell(notice_id, ready)


@transaction.atomic
def letter_handed(*, letter_id: UUID) -> None:
    """The contact's mail server took a letter of ours: what it tells is told, and clocks run."""
    found = NoticeLetter.objects.filter(letter_id=letter_id).first()
    if found is None:
        return
    now = clock.now()
    told = NoticeItem.objects.filter(notice_id=found.notice_id, told_in=found.n, told_at=None)
    contents = list(told.order_by("content_id").values_list("content_id", flat=True))
    removals = list(Removal.objects.select_for_update().filter(content_id__in=contents).order_by("content_id"))
    notice = notice_locked(found.notice_id)
    told.update(told_at=now)
    Removal.objects.filter(content_id__in=[r.content_id for r in removals], first_told_at=None).update(
        first_told_at=now
    )
    first = notice.delivered_at is None
    notice.last_letter_at, notice.delivered_at = now, notice.delivered_at or now
    to = NoticeState(notice.state)
    if to in {NoticeState.SENDING, NoticeState.BOUNCED}:
        to = NoticeState.OVERDUE if found.kind == LetterKind.REMINDER else NoticeState.DELIVERED
    notice_move(notice, to, changed=("last_letter_at", "delivered_at"))
    if first:
        announce(NoticeDelivered(notice.id))
    for content_id in contents:
        content_monitored(actor=SYSTEM, content_id=content_id)


@transaction.atomic
def letter_failed(*, letter_id: UUID) -> None:
    """Refused, bounced, or nobody knows. It does not count as told; the clocks' sweep goes on to the next rung."""
    found = NoticeLetter.objects.filter(letter_id=letter_id).first()
    if found is None:
        return
    notice = notice_locked(found.notice_id)
    if notice.state in {NoticeState.SENDING, *TOLD}:
        notice_move(notice, NoticeState.BOUNCED)


def letter_may_go(letter_id: UUID) -> bool:
    """Whether a written letter may leave the house now: what it tells is still asked for, and nothing of it is held.

    A reminder may go while anything is left that it reminds of: the page shows nothing that is held.
    """
    found = NoticeLetter.objects.filter(letter_id=letter_id).first()
    if found is None:
        return True
    rows = NoticeItem.objects.filter(notice_id=found.notice_id, state__in=list(ITEM_OPEN))
    reminder = found.kind == LetterKind.REMINDER
    rows = rows.filter(told_at__isnull=False) if reminder else rows.filter(told_in=found.n)
    held = referral.held_since()
    free = [
        state != ItemState.SUSPENDED and content not in held
        for content, state in rows.values_list("content_id", "state")
    ]
    return any(free) if reminder else bool(free) and all(free)


@transaction.atomic
def letter_withdrawn(*, letter_id: UUID) -> None:
    """A letter was held back. Nobody was told by it: what is not held is told by the next letter."""
    found = NoticeLetter.objects.filter(letter_id=letter_id).first()
    if found is None or found.kind == LetterKind.REMINDER:
        return
    notice = notice_locked(found.notice_id)
    rows = NoticeItem.objects.select_for_update().filter(notice=notice, told_in=found.n, told_at=None)
    for item in rows.order_by("number"):
        item.notice, item.told_in, item.looked_at = notice, None, None
        if item.state == ItemState.TOLD:
            item_move(item, ItemState.WAITING, changed=("told_in", "looked_at"))
        else:
            item.save(update_fields=["told_in", "looked_at"])
    notice_settle(notice)


def post_letter(notice: Notice, kind: LetterKind, items: list[NoticeItem]) -> NoticeLetter:
    """Post the notice's next letter about these items, and seal its page. The notice is locked; `told_in` is set."""
    now = clock.now()
    n = (notice.letters.aggregate(last=Max("n"))["last"] or 0) + 1
    until = _page_until(notice, now)
    token = token_for(notice.id, until)
    NoticeItem.objects.filter(id__in=[item.id for item in items], told_in=None).update(told_in=n)
    due_at = now + ANSWER_WITHIN
    seal_page(notice, token, until, due_at=due_at)
    letter_id = letter_post(
        key=f"notice:{notice.id}:{n}",
        kind=f"notice_{kind}",
        to=notice.contact.current.mail,
        subject=wording.subject(notice.reference, domestic=notice.domestic),
        body=wording.body(
            kind=kind,
            reference=notice.reference,
            count=len(items),
            token=token.text,
            due_at=due_at,
            domestic=notice.domestic,
        ),
        attachment=_attachment(notice, due_at),
    )
    audit.record("takedown.letter", subject=notice, actor=SYSTEM, n=n, kind=kind, items=len(items))
    return NoticeLetter.objects.create(
        notice=notice,
        n=n,
        kind=kind,
        letter_id=letter_id,
        posted_at=now,
        page_until=until,
        page_digest=token.digest,
    )


def seal_page(notice: Notice, token: Token, until: datetime, *, due_at: datetime) -> None:
    """Store what the link opens, sealed under the link itself."""
    sealed = token.seal(payload.build(notice, due_at=due_at))
    HosterPage.objects.update_or_create(token_digest=token.digest, defaults={"payload": sealed, "until": until})
    Notice.objects.filter(id=notice.id).update(page_stale=False)
    notice.page_stale = False


def pages_seal() -> int:
    """Seal pages anew whose items changed; take away those whose links expired."""
    now = clock.now()
    HosterPage.objects.filter(until__lte=now).delete()
    stale = list(Notice.objects.filter(page_stale=True).values_list("id", flat=True)[:MOST_NOTICES])
    for notice_id in stale:
        with transaction.atomic():
            notice = Notice.objects.select_for_update(of=("self",)).select_related("contact").get(id=notice_id)
            letters = notice.letters.filter(page_until__gt=now).order_by("n")
            for until, posted in {row.page_until: row.posted_at for row in letters}.items():
                seal_page(notice, token_for(notice.id, until), until, due_at=posted + ANSWER_WITHIN)
            Notice.objects.filter(id=notice_id).update(page_stale=False)
    return len(stale)


@transaction.atomic
def _verifying(notice_id: UUID, actor: Actor) -> None:
    notice = notice_locked(notice_id)
    if notice.state == NoticeState.GROUPING:
        notice_move(notice, NoticeState.VERIFYING, actor=actor)


def look_last(item: NoticeItem, asked: set[str]) -> Obstacle | None:
    """What still stands before this item's letter, but for the evidence. Outside any transaction: it may trace anew."""
    removal = Removal.objects.get(content_id=item.content_id)
    level = Level(removal.level)
    found = readiness.before_letter(item.content_id, contact_id=item.notice.contact_id, level=level)
    if found == Obstacle.TRACE:
        readiness.trace_anew(item.content_id, asked)
        found = readiness.before_letter(item.content_id, contact_id=item.notice.contact_id, level=level)
    return found


def _ready(item: NoticeItem, obstacle: Obstacle | None, preserve: str | None) -> bool:
    """Write down what stands before this item's letter; its findings are frozen when nothing does."""
    now = clock.now()
    if obstacle is None and preserve is None:
        obstacle = Obstacle.EVIDENCE
    findings = payload.findings_of(item.content_id, now, preserve=preserve) if obstacle is None and preserve else {}
    NoticeItem.objects.filter(id=item.id, state=ItemState.WAITING).update(
        looked_at=now, obstacle=obstacle or "", findings=findings
    )
    return obstacle is None


@transaction.atomic
def _tell(notice_id: UUID, ready: list[UUID]) -> bool:
    notice = Notice.objects.select_for_update(of=("self",)).select_related("contact__replaced_by").get(id=notice_id)
    if notice.state in FINISHED or notice.state not in _CAN_SEND or not notice.contact.current.approved_at:
        return False
    items = list(
        NoticeItem.objects.select_for_update()
        .filter(id__in=ready, state=ItemState.WAITING, obstacle="")
        .order_by("number")
    )
    items = [item for item in items if readiness.may_be_noticed(item.content_id) is None]
    if not items:
        return False
    for item in items:
        item.notice = notice
        item_move(item, ItemState.TOLD)
    first = notice.state == NoticeState.VERIFYING
    if first:
        notice_move(notice, NoticeState.SENDING)
    post_letter(notice, LetterKind.FIRST if first else LetterKind.FURTHER, items)
    return True


def _page_until(notice: Notice, now: datetime) -> datetime:
    """The present page's end while it lasts long enough, else a new one's, to the second."""
    last = notice.letters.order_by("-n").values_list("page_until", flat=True).first()
    if last is not None and last >= now + PAGE_SERVES:
        return last
    return (now + PAGE_LIVES).replace(microsecond=0)


def _attachment(notice: Notice, due_at: datetime) -> tuple[str, str, bytes] | None:
    """The notice as XARF, encrypted to the contact's registered key; without a key nothing is attached."""
    key = notice.contact.current.age_key
    if not key:
        return None
    reports = xarf.reports(payload.build(notice, due_at=due_at))
    data = json.dumps(reports, ensure_ascii=False).encode()
    name = f"{notice.reference}.xarf.json.age"
    return name, "application/octet-stream", pyrage.encrypt(data, [Recipient.from_str(key)])
