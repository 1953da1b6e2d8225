"""The only writer of this room's tables."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment import services as content_services
from mamori.hotline.assessment.states import ENDS, ContentState, Reason
from mamori.hotline.checks import judge
from mamori.hotline.checks.facts import FoundGone, FoundOnline, Resurfaced
from mamori.hotline.checks.fetch import fetch
from mamori.hotline.checks.models import Check, Watch
from mamori.hotline.checks.permissions import CHECK
from mamori.hotline.checks.prints import FilePrint, Print
from mamori.hotline.checks.queries import (
    changed_alike,
    due_watches,
    gone_prints,
    is_confirmed,
    known_print,
    looks_of,
    person_may_attest,
)
from mamori.hotline.checks.states import WATCH, End, Result, Verdict, WatchState

MOST_DUE = 500
BATCH = 500
MENDED_AFTER = timedelta(minutes=5)  # the job of the fact has had its time
MENDED_FOR = timedelta(days=60)  # how far back a missing watch is looked for
_ENDED = (*ENDS, ContentState.WATCH, ContentState.CLOSED)


class Evidence(TypedDict, total=False):
    """What a check may carry beside its result."""

    attested_by_id: UUID | None
    status: int | None
    fingerprint: bytes | None
    structure: bytes | None
    media: str
    note: str
    file: FilePrint | None


@transaction.atomic
def watch_begin(*, content_id: UUID) -> None:
    """Watch confirmed content from now on, what was gone and is confirmed anew too. Safe to call again."""
    decision = assessment.decision_of(content_id)
    if decision is None or not is_confirmed(content_id):
        return
    watch, new = Watch.objects.select_for_update().get_or_create(content_id=content_id, defaults={"since": clock.now()})
    if new:
        audit.record("checks.watch_begun", subject=watch, actor=SYSTEM)
    elif watch.state == WatchState.ENDED or (
        watch.gone_at is not None and decision.confirmed_at is not None and decision.confirmed_at >= watch.gone_at
    ):
        watch.since, watch.negatives, watch.first_negative_at, watch.gone_at = clock.now(), 0, None, None
        fields = ("since", "negatives", "first_negative_at", "gone_at")
        states.move(watch, WatchState.WATCHING, machine=WATCH, actor=SYSTEM, event="checks.watch_begun", changed=fields)
    else:
        return
    _ask(watch, actor=SYSTEM)


def watches_mend() -> int:
    """Watch what was confirmed and is watched by nobody: a failed job left it behind. Returns how many."""
    now = clock.now()
    rows = assessment.confirmed_since(now - MENDED_FOR, now - MENDED_AFTER).filter(
        ~Exists(Watch.objects.filter(content_id=OuterRef("id")))
    )
    found = list(rows.values_list("id", flat=True)[:BATCH])
    for content_id in found:
        watch_begin(content_id=content_id)
    return len(found)


@transaction.atomic
def watch_end(*, content_id: UUID) -> None:
    """The content was found not to be illegal: it is never fetched again."""
    watch = Watch.objects.select_for_update().filter(content_id=content_id).exclude(state=WatchState.ENDED).first()
    if watch is not None:
        states.move(watch, WatchState.ENDED, machine=WATCH, actor=SYSTEM, event="checks.watch_ended")


@transaction.atomic
def check_now(*, actor: Actor, content_id: UUID) -> None:
    """Ask for a check at once. Where re-check is off nothing is fetched: the desk asks a person to look."""
    actor.require(CHECK)
    watch = _locked(content_id)
    if not settings.RECHECK and not actor.is_system:
        raise _off()
    _ask(watch, actor=actor)


@transaction.atomic
def check_attest(*, actor: Actor, content_id: UUID, online: bool, end: End = End.REMOVED) -> Verdict:
    """A person looked and says what is there: where re-check is off, or where a machine cannot tell.

    `end` says how it is gone. Three attestations over 30 minutes, or two different people 30 minutes apart, make it
    gone.
    """
    actor.require(CHECK)
    if actor.id is None:
        raise NotFound
    watch = _locked(content_id)
    if not person_may_attest(watch):
        raise DomainError(
            "check_decides",
            _("The re-check sees this by itself: nobody needs to look."),
            remedy=_("Ask for a check instead."),
        )
    latest = Check.objects.filter(content_id=content_id).order_by("-at").first()
    gone = {
        End.REMOVED: Result.PAGE_UP_MEDIA_GONE,
        End.MOVED: Result.PAGE_UP_MEDIA_GONE,
        End.UNAVAILABLE: Result.HOST_DOWN,
    }
    evidence: Evidence = {"attested_by_id": actor.id, "note": str(end) if not online else ""}
    if not online and latest is not None and latest.result == Result.ONLINE_CHANGED:
        # What this page now looks like holds nothing any more.
        evidence["fingerprint"] = bytes(latest.fingerprint or b"") or None
    result = Result.ONLINE_SAME if online else gone[end]
    return check_record(actor=actor, content_id=content_id, result=result, vantage="person", **evidence)


def content_check(*, content_id: UUID, asked_at: datetime) -> None:
    """Look at content and record what was found: one check for each time it was asked for, however often this runs.

    Only content that two people confirmed is ever fetched.
    """
    if not settings.RECHECK or not is_confirmed(content_id):
        return
    if Check.objects.filter(content_id=content_id, at__gte=asked_at, attested_by=None).exists():
        return
    seen = fetch(assessment.content_address(content_id))
    watch = Watch.objects.get(content_id=content_id)
    known = known_print(content_id)
    if known is None and watch.state == WatchState.GONE:
        known = Print(b"", None, "other")  # it was never seen by a machine: whatever answers now has to be looked at
    result = judge.result_of(seen, known, gone_prints(content_id))
    check_record(
        actor=SYSTEM,
        content_id=content_id,
        result=result,
        vantage=settings.RECHECK_VANTAGE,
        status=seen.status,
        fingerprint=seen.print.fingerprint if seen.print else None,
        structure=seen.print.structure if seen.print else None,
        media=seen.print.media if seen.print else "",
        note=seen.why or ("downgraded" if seen.downgraded else ""),
        file=seen.print.file if seen.print else None,
    )


@transaction.atomic
def check_record(
    *,
    actor: Actor,
    content_id: UUID,
    result: Result,
    vantage: str,
    attested_by_id: UUID | None = None,
    status: int | None = None,
    fingerprint: bytes | None = None,
    structure: bytes | None = None,
    media: str = "",
    note: str = "",
    file: FilePrint | None = None,
) -> Verdict:
    """Record one check and draw the consequence: online, suspected, gone, back again, or to be assessed anew.

    A changed page is told to nobody as online: no notice and no listing goes on before a person looked at it.
    """
    actor.require(CHECK)
    watch = _locked(content_id)
    now = clock.now()
    check = Check.objects.create(
        content_id=content_id,
        at=now,
        result=result,
        vantage=vantage,
        attested_by_id=attested_by_id,
        status=status,
        fingerprint=fingerprint,
        structure=structure,
        media=media,
        note=note,
        **_columns(file),
    )
    audit.record("checks.recorded", subject=check, actor=actor, content=content_id, result=result, note=note)
    watch.last_at, watch.last_result = now, result
    if result.negative:
        watch.negatives += 1
        watch.first_negative_at = watch.first_negative_at or now
    elif result.positive:
        watch.negatives, watch.first_negative_at = 0, None
    watch.save(update_fields=["last_at", "last_result", "negatives", "first_negative_at"])
    looks = looks_of(content_id)
    verdict = judge.verdict(looks, vantage_points=settings.RECHECK_VANTAGE_POINTS)
    if result == Result.ONLINE_CHANGED:
        if watch.state == WatchState.WATCHING and changed_alike(check):
            content_services.content_changed(actor=SYSTEM, content_id=content_id)
    elif result.positive:
        _found_online(watch, actor=actor)
    elif verdict == Verdict.GONE and watch.state == WatchState.WATCHING:
        _found_gone(watch, judge.end_of(judge.negative_run(looks)), result, actor=actor)
    return verdict


@transaction.atomic
def checks_due() -> int:
    """Store a job for each content item that is due; end watches that have run their whole time."""
    if not settings.RECHECK:
        return 0
    now = clock.now()
    due, over = due_watches(now, most=MOST_DUE)
    locked = Watch.objects.select_for_update(skip_locked=True)
    for watch in locked.filter(content_id__in=over, state=WatchState.GONE):
        states.move(watch, WatchState.ENDED, machine=WATCH, actor=SYSTEM, event="checks.watch_ended")
    asked = list(locked.filter(content_id__in=due).values_list("content_id", flat=True))
    Watch.objects.filter(content_id__in=asked).update(asked_at=now)
    jobs.defer_many("checks.check", [{"content_id": str(i), "asked_at": now.isoformat()} for i in asked])
    return len(asked)


def _found_online(watch: Watch, *, actor: Actor) -> None:
    """Online as it was brings back what was gone. A changed page alone does not: a person has to look at it."""
    if watch.state == WatchState.WATCHING:
        announce(FoundOnline(watch.content_id))
        return
    watch.since, watch.gone_at = watch.last_at or clock.now(), None
    changed = ("since", "gone_at")
    states.move(watch, WatchState.WATCHING, machine=WATCH, actor=actor, event="checks.resurfaced", changed=changed)
    if assessment.content_state(watch.content_id) in _ENDED:  # a round of opinions that is open decides by itself
        content_services.content_resurfaced(actor=SYSTEM, content_id=watch.content_id)
    announce(Resurfaced(watch.content_id), FoundOnline(watch.content_id))


def _found_gone(watch: Watch, end: End, result: Result, *, actor: Actor) -> None:
    watch.gone_at = clock.now()
    states.move(watch, WatchState.GONE, machine=WATCH, actor=actor, event="checks.gone", changed=("gone_at",), end=end)
    if assessment.content_state(watch.content_id) in {ContentState.ACTIONING, ContentState.MONITORING}:
        reason = {Result.GONE_4XX: Reason.ERROR_404, Result.PAGE_UP_MEDIA_GONE: Reason.CONTENT_NOT_FOUND}.get(result)
        content_services.content_finish(actor=SYSTEM, content_id=watch.content_id, end=ContentState(end), reason=reason)
    announce(FoundGone(watch.content_id))


def _ask(watch: Watch, *, actor: Actor) -> None:
    """Store a job for a look at once. Where re-check is off the desk asks people, from when it was first asked for."""
    unseen = watch.asked_at is not None and (watch.last_at is None or watch.asked_at > watch.last_at)
    if unseen and not settings.RECHECK:
        return
    watch.asked_at = clock.now()
    watch.save(update_fields=["asked_at"])
    audit.record("checks.asked", subject=watch, actor=actor)
    if settings.RECHECK:
        jobs.defer("checks.check", content_id=str(watch.content_id), asked_at=watch.asked_at.isoformat())


def _columns(file: FilePrint | None) -> dict[str, Any]:
    return {f"file_{name}": value for name, value in asdict(file).items()} if file is not None else {}


def _locked(content_id: UUID) -> Watch:
    watch = Watch.objects.select_for_update().filter(~Q(state=WatchState.ENDED), content_id=content_id).first()
    if watch is None:
        raise NotFound
    return watch


def _off() -> DomainError:
    return DomainError(
        "recheck_off",
        _("Re-check is switched off here: the hotline fetches nothing."),
        remedy=_("Look yourself, in the way your rules allow, and attest what you found."),
    )


@transaction.atomic
def checks_forget(actor: Actor, content_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Destroy the watches over contents with every look; retention only."""
    Check.objects.filter(content_id__in=content_ids).delete()
    return Watch.objects.filter(content_id__in=content_ids).delete()[0]
