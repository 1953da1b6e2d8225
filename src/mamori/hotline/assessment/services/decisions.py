"""Opinions, and what they settle.

Illegal needs two persons who do not see each other's opinion; where they disagree a senior decides. Not illegal needs
one, but a share of those is given a second opinion too, so that nobody can tell which item is the gate and which the
quality check. A dismissal is told after five minutes, so that its author can take it back; illegal is told at once.
"""

import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.ground.sealed.services import open_text, seal_texts
from mamori.hotline.assessment.facts import ChildAtRiskFound, ContentConfirmed, ContentDismissed
from mamori.hotline.assessment.models import ContentItem, Criteria, Decision, Withdrawal
from mamori.hotline.assessment.permissions import ARBITRATE, ASSESS
from mamori.hotline.assessment.queries.items import may_see_opinion
from mamori.hotline.assessment.services.exposure import duty_touch
from mamori.hotline.assessment.services.items import OUTCOME_OF, criteria_now
from mamori.hotline.assessment.services.leases import end_lease, own_lease
from mamori.hotline.assessment.services.rows import again, locked, move, rate, reports_close
from mamori.hotline.assessment.states import LEGAL_REASONS, ContentState, LeaseEnd, Reason, Verdict

S = ContentState
UNDO = timedelta(minutes=5)
BATCH = 500
LONGEST_NOTE = 4000


@transaction.atomic
def decide(
    *,
    actor: Actor,
    content_id: UUID,
    verdict: Verdict,
    law_codes: list[str],
    note: str = "",
    child_at_risk: bool = False,
    reason: Reason | None = None,
) -> UUID:
    """Give the opinion that is due, under the own lease. A child at risk goes to police at once, whatever follows."""
    content = locked(content_id)
    lease = own_lease(actor, content)
    if content.position == 3:
        actor.require(ARBITRATE)
    criteria = criteria_now()
    _check(verdict, law_codes, reason, criteria)
    key, sealed = seal_texts({"note": note.strip()[:LONGEST_NOTE]}) if note.strip() else (None, {"note": None})
    decision = Decision.objects.create(
        content=content,
        round=content.round,
        position=content.position,
        verdict=verdict,
        law_codes=sorted(law_codes),
        reason=str(reason or ""),
        child_at_risk=child_at_risk,
        criteria=criteria,
        note_key=key,
        note=sealed["note"],
        decided_by_id=lease.person_id,
        decided_at=clock.now(),
    )
    audit.record(
        "assessment.decided",
        subject=content,
        actor=actor,
        decision=decision.id,
        round=content.round,
        position=content.position,
        criteria=criteria.version,
    )
    end_lease(lease, LeaseEnd.DECIDED)
    duty_touch(actor=actor)
    if child_at_risk:
        content.at_risk = True
        rate(content)
        announce(ChildAtRiskFound(content.id, decision.id))
    _go_on(content, decision, actor=actor)
    return decision.id


@transaction.atomic
def decision_withdraw(*, actor: Actor, decision_id: UUID) -> None:
    """Take one's own opinion back within five minutes, while nothing left the house and nobody works on it."""
    actor.require(ASSESS)
    found = Decision.objects.filter(id=decision_id, decided_by_id=actor.id).first()
    if found is None:
        raise NotFound
    content = locked(found.content_id)
    last = Decision.objects.filter(content=content, round=content.round).order_by("-position").first()
    if (
        last is None
        or last.id != found.id
        or clock.now() - found.decided_at > UNDO
        or found.child_at_risk
        or content.state not in {S.SECOND_OPINION, S.ASSESSED}
    ):
        raise DomainError(
            "too_late",
            _("This opinion can no longer be taken back."),
            remedy=_("A senior analyst can have the item assessed anew."),
        )
    Withdrawal.objects.create(decision=found, at=clock.now())
    audit.record("assessment.decision_withdrawn", subject=content, actor=actor, decision=found.id)
    again(content, actor=actor, code="withdrawn")


@transaction.atomic
def note_open(*, actor: Actor, decision_id: UUID) -> str:
    """Read the sealed note of an opinion: its author, a senior whose opinion is due, anybody once it is settled."""
    actor.require(ASSESS)
    decision = Decision.objects.select_related("content").filter(id=decision_id).first()
    if decision is None or decision.note_key is None or decision.note is None or not may_see_opinion(actor, decision):
        raise NotFound
    audit.record("assessment.note_opened", subject=decision, actor=actor)
    return open_text(decision.note_key, "note", bytes(decision.note))


@transaction.atomic
def decisions_conclude() -> None:
    """Tell dismissals whose five minutes are over."""
    due = ContentItem.objects.select_for_update(skip_locked=True).filter(
        state=S.ASSESSED, state_at__lte=clock.now() - UNDO
    )
    for content in due.order_by("state_at")[:BATCH]:
        _dismiss(content)


def sampled(content_id: UUID, round_: int) -> bool:
    """Whether a dismissal is given a blind second opinion: a fixed share. Nobody without the secret key can tell which."""
    key = settings.SECRET_KEY.encode()
    number = int.from_bytes(hmac.digest(key, f"assessment.sample:{content_id}:{round_}".encode(), "sha256")[:4])
    return number < settings.QA_SHARE * 2**32


def _check(verdict: Verdict, law_codes: list[str], reason: Reason | None, criteria: Criteria) -> None:
    known = {row["code"] for row in criteria.law_codes}
    if verdict.illegal and not law_codes:
        raise DomainError(
            "law_code_needed",
            _("Illegal by which article? Choose at least one law code."),
            remedy=_("Without one, “undetermined” is the honest answer."),
            status=422,
        )
    if not verdict.illegal and law_codes:
        raise DomainError("law_code_unfit", _("Law codes belong to an illegal verdict only."), status=422)
    if not known.issuperset(law_codes):
        raise DomainError("law_code_unknown", _("The criteria in force do not have this law code."), status=422)
    if reason is not None and (verdict.illegal or reason not in LEGAL_REASONS):
        raise DomainError("wrong_reason", _("This reason does not fit the verdict."), status=422)


def _go_on(content: ContentItem, decision: Decision, *, actor: Actor) -> None:
    """What follows from the opinion just given."""
    verdict = Verdict(decision.verdict)
    earlier = _earlier(content)
    if decision.position == 1:
        wants_another = verdict.illegal or sampled(content.id, content.round)
    else:
        wants_another = decision.position == 2 and Verdict(earlier[0].verdict).illegal != verdict.illegal
    if wants_another:
        content.position = decision.position + 1
        move(content, S.SECOND_OPINION, actor=actor, changed=("position",))
        return
    move(content, S.ASSESSED, actor=actor)
    if verdict.illegal:
        _settle(content)
        move(content, S.ACTIONING, actor=SYSTEM)
        announce(ContentConfirmed(content.id))


def _earlier(content: ContentItem) -> list[Decision]:
    return list(Decision.objects.filter(content=content, round=content.round).order_by("position"))


def _settle(content: ContentItem) -> Decision:
    """Write what the round found: the last opinion and, where there is one, the other that agrees with it.

    Only now the log tells each verdict: until then nobody who reads it, a senior either, knows what a colleague found.
    """
    *earlier, last = _earlier(content)
    verdict = Verdict(last.verdict)
    other = next((d for d in earlier if Verdict(d.verdict).illegal == verdict.illegal), None)
    codes = set(last.law_codes)
    if verdict.illegal and other is not None:
        verdict = verdict if other.verdict == verdict else Verdict.NATIONAL  # the narrower claim needs both
        codes = codes & set(other.law_codes) or codes | set(other.law_codes)
    content.verdict, content.law_codes = verdict, sorted(codes)
    content.decision, content.confirmation = (other, last) if other is not None else (last, None)
    content.settled_at, content.reason = clock.now(), last.reason
    content.save(update_fields=["verdict", "law_codes", "decision", "confirmation", "settled_at", "reason"])
    given: dict[str, Any] = {f"verdict_{d.position}": d.verdict for d in (*earlier, last)}
    audit.record("assessment.settled", subject=content, actor=SYSTEM, round=content.round, verdict=verdict, **given)
    return last


def _dismiss(content: ContentItem) -> None:
    _settle(content)
    verdict = Verdict(content.verdict)
    move(content, S.NOT_ILLEGAL if verdict == Verdict.NOT_ILLEGAL else S.CLOSED, actor=SYSTEM, code=content.reason)
    reports_close(content, OUTCOME_OF[verdict], actor=SYSTEM)
    announce(ContentDismissed(content.id))
