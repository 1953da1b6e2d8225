"""StopNCII's exchange, as its members' clients speak it: fetch hashes, send feedback, send hashes.

Forms after facebook/ThreatExchange, python-threatexchange/threatexchange/exchanges/clients/stopncii/api.py, July 2026.
The function key is the token's secret, the subscription key its id or title. Base address: /stopncii/v1.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.doors import Door, by_function_key, in_code
from mamori.ground.errors import DomainError
from mamori.lists.exchange import cursors
from mamori.lists.exchange.items import is_matched
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.codes import Classification
from mamori.lists.fingerprints.permissions import IMAGES_READ, IMAGES_WRITE
from mamori.lists.fingerprints.queries import EntryView, FingerprintView, entries_changed
from mamori.lists.fingerprints.queries.partners import entries_valued, sources_shown
from mamori.lists.fingerprints.services import NewFingerprint
from mamori.lists.fingerprints.states import Media, Reason, Verdict

door = Door(by_function_key, in_code, "x-functions-key")
MOST_PAGE, MOST_SENT = 1000, 1000
# (media, algorithm) <-> their signal types. What has none is not told here.
SIGNALS = {("image", "pdq"): "ImagePDQ", ("video", "md5"): "VideoMD5"}
KINDS = {signal: kind for kind, signal in SIGNALS.items()}
SIZES = {32: "pdq", 16: "md5"}  # bytes of a value -> its algorithm: feedback names no type
VERDICTS = {"Blocked": (Verdict.CONFIRM, Reason.AGREES), "NotBlocked": (Verdict.DENY, Reason.FALSE_MATCH)}
SAID = {Verdict.CONFIRM: "Blocked", Verdict.DENY: "NotBlocked"}
NO_VERDICT = {"Unknown", "None", "QualityUnknown", "PendingReview", "Withdrawn", "Deleted"}
_FAR = timedelta(days=1)


def refused(words: Any) -> DomainError:
    return DomainError("invalid", words, status=400)


@door(IMAGES_READ, "GET")
def fetch_hashes(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Values that changed since startTimestamp, withdrawn ones with their state. `nextSetTimestamp`: where to go on."""
    start = _number(request, "startTimestamp", 0, 2**40, 0)
    size = _number(request, "pageSize", 1, 10**6, 800)
    key = None
    if token := request.GET.get("nextPageToken"):
        key = cursors.read(token, actor.organisation_id, ["stopncii", start])
        if key is None:
            raise refused(_("This page token is too old or not yours: begin again with startTimestamp."))
    began = datetime.fromtimestamp(min(start, 2**36), UTC)
    page = entries_changed(began, clock.now() + _FAR, key, min(size, MOST_PAGE), actor=actor)
    records = [_record(entry, value) for entry in page.entries for value in entry.fingerprints if _signal(entry, value)]
    moments = [int(entry.changed_at.timestamp()) for entry in page.entries]
    body: dict[str, Any] = {
        "count": len(records),
        "nextPageToken": None,
        "nextSetTimestamp": max([start, *moments]),
        "hasMoreRecords": page.next_key is not None,
        "hashRecords": records,
    }
    if page.next_key is not None:
        body["nextPageToken"] = cursors.write(actor.organisation_id, ["stopncii", start], page.next_key)
    return JsonResponse(body)


@door(IMAGES_WRITE, "POST")
def submit_feedback(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A vote of the organisation on each entry in force that holds the value. Values not known are counted, no more."""
    given = _records(request, "hashFeedbacks")
    said: list[tuple[tuple[str, bytes], str]] = []
    for place, each in enumerate(given):
        value = _value(each.get("hashValue"), place)
        word = each.get("feedbackValue")
        if not isinstance(word, str) or word not in NO_VERDICT | VERDICTS.keys():
            raise refused(_("feedbackValue is not one of the known words."))
        said.append(((SIZES[len(value)], value), word))
    found = entries_valued(actor, [value for value, word in said if word in VERDICTS])
    votes = 0
    for meant, word in said:
        for entry in found if word in VERDICTS else ():
            if meant in {(each.algorithm, each.value) for each in entry.fingerprints}:
                verdict, reason = VERDICTS[word]
                bank.vote_record(actor=actor, entry_id=entry.id, verdict=verdict, reason=reason)
                votes += 1
    return JsonResponse({"count": len(said), "votes": votes})


@door(IMAGES_WRITE, "POST")
def submit_hashes(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add values to the organisation's own source, where they wait for a person. The same value again adds nothing."""
    source = next((s for s in sources_shown(actor) if s.organisation_id == actor.organisation_id), None)
    if source is None or actor.organisation_id is None:
        raise DomainError(
            "no_source",
            _("Your organisation is not a source of the bank."),
            remedy=_("Ask the hotline to make it one."),
            status=403,
        )
    new = []
    for place, each in enumerate(_records(request, "hashRecords")):
        # The client sends the name of its own class before the word.
        media, algorithm = KINDS.get(str(each.get("signalType")).rpartition(".")[2], ("", ""))
        value = _value(each.get("hashValue"), place)
        if not media or SIZES[len(value)] != algorithm:
            raise refused(_("Send ImagePDQ or VideoMD5 with a value of that kind."))
        new.append((Media(media), algorithm, value))
    for media, algorithm, value in new:
        bank.entry_add(
            actor=actor,
            source_code=source.code,
            source_ref=f"{algorithm}:{value.hex()}",
            media=media,
            classification=Classification.UNSORTED,
            fingerprints=[NewFingerprint(algorithm, value)],
        )
    return JsonResponse({"count": len(new)})


def _signal(entry: EntryView, value: FingerprintView) -> str | None:
    return SIGNALS.get((entry.media, value.algorithm)) if is_matched(value.algorithm, value.quality) else None


def _record(entry: EntryView, value: FingerprintView) -> dict[str, Any]:
    state = "Withdrawn" if entry.deleted else "Active"
    return {
        "lastModtimestamp": int(entry.changed_at.timestamp()),
        "signalType": _signal(entry, value),
        "hashValue": value.value.hex(),
        "hashStatus": state,
        "caseNumbers": {str(entry.number): state},
        "CSPFeedbacks": [
            {"feedbackValue": SAID[Verdict(vote.verdict)], "tags": [vote.reason], "source": "-"} for vote in entry.votes
        ],
    }


def _records(request: HttpRequest, name: str) -> list[dict[str, Any]]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise refused(_("The body is not JSON.")) from error
    given = body.get(name) if isinstance(body, dict) else None
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SENT or not all(isinstance(e, dict) for e in given):
        raise refused(_("The body has not the documented form."))
    return given


def _value(text: Any, place: int) -> bytes:
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        value = b""
    if len(value) not in SIZES or len(text) != 2 * len(value):
        raise DomainError(
            "invalid", _("A hashValue is not a value of a known kind."), remedy=f"hashValue {place}", status=400
        )
    return value


def _number(request: HttpRequest, name: str, least: int, most: int, default: int) -> int:
    text = request.GET.get(name, str(default))
    if text.isascii() and text.isdecimal() and len(text) < 18 and least <= int(text) <= most:
        return int(text)
    raise refused(_("A number is missing or out of range."))
