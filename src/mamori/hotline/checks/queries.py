"""What other rooms and the desks may know of checks."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.states import look
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import ILLEGAL
from mamori.hotline.checks import judge, schedule
from mamori.hotline.checks.models import Check, Watch
from mamori.hotline.checks.permissions import CHECK, SEE
from mamori.hotline.checks.prints import FilePrint, Print
from mamori.hotline.checks.states import Result, Verdict, WatchState

MOST_LOOKS = 40
ASKED_AGAIN = timedelta(minutes=10)
FRESH = timedelta(hours=1)
ATTESTED_FRESH = timedelta(hours=24)
MOST_SHOWN = 1000
_FOR_PEOPLE = (
    (Result.ONLINE_CHANGED, _("Pages that changed: look at them again")),
    (Result.BLOCKED_OR_CHALLENGED, _("Pages that refuse the re-check: look yourself")),
)
_PERSON_CAN_TELL = (Result.BLOCKED_OR_CHALLENGED, Result.ERROR_OURS, Result.ONLINE_CHANGED)


def last_verdict(content_id: UUID) -> Verdict:
    """online, offline_suspected, gone or unknown: what the recorded checks say together."""
    return judge.verdict(looks_of(content_id), vantage_points=settings.RECHECK_VANTAGE_POINTS)


def online_since(content_id: UUID) -> datetime | None:
    """When it was last found online, or None if the newest check that counts did not find it so, or found a change."""
    counted = [look for look in looks_of(content_id) if look.result.positive or look.result.negative]
    found = bool(counted) and counted[0].result.positive and counted[0].result != Result.ONLINE_CHANGED
    return counted[0].at if found else None


def is_surely_online(content_id: UUID, now: datetime) -> bool:
    """Found online by a check of the last hour, or attested by a person within a day where re-check is off."""
    found = online_since(content_id)
    return found is not None and now - found <= (FRESH if settings.RECHECK else ATTESTED_FRESH)


def checks_rows(actor: Actor, content_id: UUID) -> QuerySet[Check]:
    """All checks of an item, for a table."""
    actor.require(SEE)
    return Check.objects.filter(content_id=content_id).select_related("attested_by")


def checks_of(actor: Actor, content_id: UUID) -> list[Check]:
    """The six newest checks of an item, newest first."""
    return list(checks_rows(actor, content_id).order_by("-at", "-id")[:6])


def watch_of(actor: Actor, content_id: UUID) -> Watch | None:
    actor.require(SEE)
    return Watch.objects.filter(content_id=content_id).first()


def watches(actor: Actor) -> QuerySet[Watch]:
    """All watches, with their content, for the desk's table."""
    actor.require(SEE)
    return Watch.objects.select_related("content")


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """Checks as moments of a case: repeated equal results are told once, with the last of them."""
    if not actor.may(SEE):
        return []
    moments: list[Moment] = []
    before = ""
    rows = list(Check.objects.filter(content_id=content_id).order_by("-at", "-id")[:200])
    for check in reversed(rows):
        if check.result == before and not check.attested_by_id:
            continue
        before = check.result
        shown = look("check", check.result)
        kind = "person" if check.attested_by_id else "system"
        moments.append(Moment(check.at, shown.icon, shown.word, actor_kind=kind, tone=shown.tone))
    return moments


def desk(actor: Actor) -> list[Waiting]:
    """Pages a machine cannot judge: they changed, or refuse machines. All, where re-check is off."""
    if not actor.may(CHECK):
        return []
    waiting = []
    here, now = reverse("checks_desk"), clock.now()
    late = Case(When(due_for_people(now, late=True), then=True), default=False)
    due = Watch.objects.filter(due_for_people(now)).order_by(F("last_at").asc(nulls_first=True))
    lates = list(due.values_list(late, flat=True)[:MOST_SHOWN])
    if lates:
        title, url = _("Content to look at yourself: re-check is off"), f"{here}?watches-due=due&watches-sort=last_at"
        waiting.append(Waiting(title, len(lates), url, "warning"))
    if any(lates):
        title, url = _("Content nobody looked at for twice the time"), f"{here}?watches-due=late&watches-sort=last_at"
        waiting.append(Waiting(title, sum(lates), url, "error", alarm=True))
    rows = Watch.objects.filter(state=WatchState.WATCHING, last_result__in=[result for result, _title in _FOR_PEOPLE])
    counts = Counter(rows.values_list("last_result", flat=True)[: 2 * MOST_SHOWN])
    for result, title in _FOR_PEOPLE:
        if counts[result]:
            waiting.append(Waiting(title, counts[result], f"{here}?watches-last_result={result}", "warning"))
    return waiting


def due_for_people(now: datetime, *, late: bool = False) -> Q:
    """Watches a person should have looked at by now, where re-check is off; `late`: for twice that time already."""
    if settings.RECHECK:
        return Q(pk__in=[])
    day, week = schedule.DAY * (1 + late), schedule.WEEK * (1 + late)
    asked = Q(asked_at__lte=now - day * late) & (Q(last_at=None) | Q(asked_at__gt=F("last_at")))
    daily = Q(last_at__lte=now - day, last_at__lt=F("since") + schedule.WEEK) | Q(last_at=None, since__lte=now - day)
    return (asked | daily | Q(last_at__lte=now - week)) & Q(state=WatchState.WATCHING)


def person_may_attest(watch: Watch) -> bool:
    """Where re-check is off, or the newest check could not tell."""
    return not settings.RECHECK or watch.last_result in {"", *_PERSON_CAN_TELL}


def is_confirmed(content_id: UUID) -> bool:
    """Whether two people found it illegal: nothing else is ever fetched."""
    decision = assessment.decision_of(content_id)
    return decision is not None and decision.verdict in ILLEGAL and decision.confirmed_by is not None


def looks_of(content_id: UUID) -> list[judge.Look]:
    """The newest checks of the present watch, newest first, as the verdict needs them: an earlier end is over."""
    rows = Check.objects.filter(content_id=content_id).order_by("-at", "-id")
    since = Watch.objects.filter(content_id=content_id).values_list("since", flat=True).first()
    if since is not None:
        rows = rows.filter(at__gte=since)
    values = rows.values_list("at", "result", "vantage", "attested_by_id", "note")[:MOST_LOOKS]
    return [judge.Look(at, Result(result), vantage, by, note == "moved") for at, result, vantage, by, note in values]


def known_print(content_id: UUID) -> Print | None:
    """What is taken for the content: the first answer a machine got after confirmation.

    Or the newest changed page a person looked at since and found illegal still: by attesting it, or in a new round.
    """
    taken = _taken(content_id)
    if taken is None or taken.fingerprint is None:
        return None
    structure = bytes(taken.structure) if taken.structure is not None else None
    return Print(bytes(taken.fingerprint), structure, taken.media, _file(taken))


def evidence_of(content_id: UUID) -> dict[str, object]:
    """What the looks tell for the evidence, as JSON values: the newest looks, and the fingerprints of what was there.

    `fingerprints`: each with what it is of, its algorithm, its value (hex) and the moment it was seen. None of what
    only persons looked at.
    """
    looks = Check.objects.filter(content_id=content_id).order_by("-at", "-id")[:MOST_LOOKS]
    taken = _taken(content_id)
    return {
        "looks": [
            {
                "at": look.at.isoformat(),
                "result": look.result,
                "by": "person" if look.attested_by_id else "machine",
                "vantage": look.vantage,
                "status": look.status,
            }
            for look in looks
        ],
        "fingerprints": list(_told_prints(taken)) if taken else [],
    }


def _told_prints(check: Check) -> Iterator[dict[str, object]]:
    values = [
        ("answer, at most its first MiB", "sha256", check.fingerprint),
        ("tags of the page", "simhash64", check.structure),
        ("file", "md5", check.file_md5),
        ("file", "sha1", check.file_sha1),
        ("file", "sha256", check.file_sha256),
        ("picture", "pdq", check.file_pdq),
    ]
    for of, algorithm, value in values:
        if value is not None:
            quality = {"quality": check.file_pdq_quality} if algorithm == "pdq" else {}
            seen = {"media": check.media, "seen_at": check.at.isoformat()}
            yield {"of": of, "algorithm": algorithm, "value": bytes(value).hex(), **quality, **seen}


def _taken(content_id: UUID) -> Check | None:
    """The look at which a machine got what is taken for the content."""
    seen = Check.objects.filter(content_id=content_id, attested_by=None, fingerprint__isnull=False)
    attested = Check.objects.filter(content_id=content_id, attested_by__isnull=False, result=Result.ONLINE_SAME)
    decision = assessment.decision_of(content_id)
    looked = [attested.order_by("-at").values_list("at", flat=True).first(), decision and decision.confirmed_at]
    moments = [moment for moment in looked if moment]
    taken = seen.filter(result=Result.ONLINE_SAME).order_by("at").first()
    if moments:
        changed = seen.filter(result=Result.ONLINE_CHANGED, at__lte=max(moments))
        taken = changed.order_by("-at").first() or taken
    return taken


def _file(check: Check) -> FilePrint | None:
    if check.file_md5 is None or check.file_sha1 is None or check.file_sha256 is None:
        return None
    pdq = bytes(check.file_pdq) if check.file_pdq is not None else None
    return FilePrint(
        bytes(check.file_md5), bytes(check.file_sha1), bytes(check.file_sha256), pdq, check.file_pdq_quality
    )


def changed_alike(check: Check) -> bool:
    """Whether the machine's look before this one found the same changed page: it is no passing notice."""
    rows = Check.objects.filter(content_id=check.content_id, attested_by=None).exclude(id=check.id)
    before = rows.order_by("-at", "-id").first()
    return before is not None and before.result == Result.ONLINE_CHANGED and before.fingerprint == check.fingerprint


def gone_prints(content_id: UUID) -> frozenset[bytes]:
    """Fingerprints of pages a person looked at and found to hold nothing any more."""
    rows = Check.objects.filter(content_id=content_id, attested_by__isnull=False, fingerprint__isnull=False)
    return frozenset(bytes(row.fingerprint) for row in rows[:MOST_LOOKS] if row.fingerprint is not None)


def due_watches(now: datetime, *, most: int) -> tuple[list[UUID], list[UUID]]:
    """Content to look at now, and content whose watch for a return is over. Overdue ones first; never more than `most`.

    The database narrows by the shortest time each band can mean; the exact due time is computed from the row.
    """
    watching = Q(last_at=None)
    began = now
    for until, every in (*schedule.BANDS, (None, schedule.DAY)):
        band = Q(last_at__lte=now - schedule.soonest(every), since__lte=began)
        if until is not None:
            began = now - until
            band &= Q(since__gt=began)
        watching |= band
    watching |= Q(negatives__gt=0, last_at__lte=now - timedelta(minutes=16))
    rows = (
        Watch.objects.filter(watching, state=WatchState.WATCHING)
        .filter(Q(asked_at=None) | Q(asked_at__lte=now - ASKED_AGAIN) | Q(last_at__gte=F("asked_at")))
        .order_by(F("last_at").asc(nulls_first=True))
    )
    due = [watch.content_id for watch in rows[: most * 2] if _next(watch) <= now][:most]
    return _with_gone(due, now, most)


def _with_gone(due: list[UUID], now: datetime, most: int) -> tuple[list[UUID], list[UUID]]:
    over = []
    rows = Watch.objects.filter(state=WatchState.GONE, last_at__lte=now - schedule.COMES_BACK[0]).filter(
        Q(asked_at=None) | Q(asked_at__lte=now - ASKED_AGAIN) | Q(last_at__gte=F("asked_at"))
    )
    for watch in _coming_back(rows, now)[:most]:
        at = schedule.next_after_gone(gone_at=watch.gone_at, last_at=watch.last_at)  # type: ignore[arg-type]
        if at is None:
            over.append(watch.content_id)
        elif at <= now and len(due) < most:
            due.append(watch.content_id)
    return due, over


def _coming_back(rows: QuerySet[Watch], now: datetime) -> QuerySet[Watch]:
    """Gone content with a look between its last check and now, so that the many that only wait are not read."""
    passed = Q()
    for after in schedule.COMES_BACK:
        passed |= Q(gone_at__lte=now - after, last_at__lt=F("gone_at") + after)
    passed |= Q(last_at__gte=F("gone_at") + schedule.COMES_BACK[-1])
    return rows.filter(passed).order_by("last_at")


def next_check(watch: Watch) -> datetime | None:
    """When this is to be looked at next, by a machine or, where re-check is off, by a person; None: never."""
    if watch.state == WatchState.ENDED or (not settings.RECHECK and watch.state == WatchState.GONE):
        return None
    if not settings.RECHECK:
        return schedule.next_for_people(since=watch.since, last_at=watch.last_at, asked_at=watch.asked_at)
    if watch.state == WatchState.GONE and watch.gone_at and watch.last_at:
        return schedule.next_after_gone(gone_at=watch.gone_at, last_at=watch.last_at)
    return _next(watch)


def _next(watch: Watch) -> datetime:
    return schedule.next_while_watching(
        watch.content_id, since=watch.since, last_at=watch.last_at, negatives=watch.negatives
    )
