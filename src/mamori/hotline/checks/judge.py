"""From answers to results, and from results to a verdict. No table is touched here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mamori.hotline.checks.fetch import Seen
from mamori.hotline.checks.prints import Print, classify
from mamori.hotline.checks.schedule import GONE_AFTER, GONE_SPAN
from mamori.hotline.checks.states import End, Result, Verdict

_GONE = {404, 410}
_CHALLENGE = {401, 403, 407, 429, 451, 503}


def result_of(seen: Seen, known: Print | None, gone: frozenset[bytes]) -> Result:
    """What one answer means. Whatever could be the host's choice to show us something else is inconclusive."""
    if seen.status is None:
        if seen.why in {"no_name", "no_answer"}:
            return Result.HOST_DOWN
        return Result.ERROR_OURS if seen.why == "ours" else Result.BLOCKED_OR_CHALLENGED
    if seen.challenged or seen.status in _CHALLENGE:
        return Result.BLOCKED_OR_CHALLENGED
    if seen.status in _GONE:
        return Result.GONE_4XX
    if seen.status >= 500:
        return Result.HOST_DOWN
    if seen.print is None:
        return Result.BLOCKED_OR_CHALLENGED
    return classify(seen.print, known, gone=gone, sent_home=seen.sent_home)


@dataclass(frozen=True)
class Look:
    """What the verdict needs of one check."""

    at: datetime
    result: Result
    vantage: str
    attested_by: UUID | None
    moved: bool = False


def verdict(looks: Sequence[Look], *, vantage_points: int) -> Verdict:
    """What checks, newest first, say together.

    A page that changed tells nothing about what was judged until a person looked at it. Gone needs three agreeing
    negatives over at least 30 minutes from as many vantage points as are configured, or the word of two different
    analysts who looked at least 30 minutes apart. Inconclusive checks never count.
    """
    counted = [look for look in looks if look.result.positive or look.result.negative]
    if not counted:
        return Verdict.UNKNOWN
    if counted[0].result == Result.ONLINE_CHANGED:
        return Verdict.UNKNOWN
    if counted[0].result.positive:
        return Verdict.ONLINE
    run = negative_run(looks)
    if _two_people_agree(run):
        return Verdict.GONE
    enough = len(run) >= GONE_AFTER and run[0].at - run[-1].at >= GONE_SPAN
    places = {look.vantage for look in run if not look.attested_by}
    if enough and (not places or len(places) >= vantage_points):
        return Verdict.GONE
    return Verdict.OFFLINE_SUSPECTED


def negative_run(looks: Sequence[Look]) -> list[Look]:
    """The negatives since the last positive, newest first."""
    run = []
    for look in looks:
        if look.result.positive:
            break
        if look.result.negative:
            run.append(look)
    return run


def _two_people_agree(run: Sequence[Look]) -> bool:
    """Whether two different people found it gone, half an hour apart: one outage is not seen twice."""
    attested = [look for look in run if look.attested_by]
    return any(
        later.attested_by != earlier.attested_by and later.at - earlier.at >= GONE_SPAN
        for at, later in enumerate(attested)
        for earlier in attested[at + 1 :]
    )


def end_of(run: Sequence[Look]) -> End:
    """Moved if a person said so; removed if the newest negatives agree that the host answers without it; else unavailable."""
    if any(look.moved for look in run):
        return End.MOVED
    removed = {Result.GONE_4XX, Result.PAGE_UP_MEDIA_GONE}
    return End.REMOVED if all(look.result in removed for look in run[:GONE_AFTER]) else End.UNAVAILABLE
