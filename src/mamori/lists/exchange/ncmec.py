"""NCMEC's hash-sharing interface, version 2, so that a client of it reads this bank unchanged.

Forms after facebook/ThreatExchange, python-threatexchange/threatexchange/exchanges/clients/ncmec (hash_api.py and its
test data), July 2026. A member is a source of ours, an entry's id its number. Base address: /hashsharing.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.queries import token_told
from mamori.ground.actors import Actor
from mamori.ground.doors import Door, by_basic
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.exchange import cursors
from mamori.lists.exchange.items import is_matched
from mamori.lists.exchange.xml import XmlRefused, read_xml, write_xml
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.permissions import IMAGES_READ, IMAGES_WRITE
from mamori.lists.fingerprints.queries import EntryView, VoteView, entries_changed, fingerprints_of
from mamori.lists.fingerprints.queries.partners import SourceView, entry_numbered, sources_shown
from mamori.lists.fingerprints.states import Reason, Verdict

NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
SIZE = 1000
# Their names of fingerprints, in addresses and (in lower case) as elements -> our algorithms.
TYPES = {"MD5": "md5", "SHA1": "sha1", "PDNA": "photodna", "PDQ": "pdq"}
NAMES = {algorithm: name for name, algorithm in TYPES.items()}
NEGATIVE = (Reason.NOT_ILLEGAL, Reason.ADULT, Reason.OTHER_CLASS, Reason.FALSE_MATCH, Reason.POOR_QUALITY)
GUIDS = {str(uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}/reasons/{reason}")): reason for reason in NEGATIVE}
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def in_xml(error: DomainError) -> HttpResponse:
    root = ET.Element("error", xmlns=NAMESPACE, code=error.code)
    root.text = f"{error.message} {error.remedy}".strip()
    return answer(root, error.status)


def answer(root: ET.Element, status: int = 200) -> HttpResponse:
    return HttpResponse(write_xml(root), status=status, content_type="application/xml; charset=utf-8")


door = Door(by_basic, in_xml, 'Basic realm="mamori", charset="UTF-8"')


def refused(words: object) -> DomainError:
    return DomainError("invalid", str(words), status=400)


@door(IMAGES_READ, "GET")
def status(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - the door's form
    """Who asks. A member that is no source of ours has the number 0."""
    told = token_told(actor.id) if actor.id else None
    root = ET.Element("status", xmlns=NAMESPACE)
    ET.SubElement(root, "ipAddress")
    ET.SubElement(root, "username").text = told.title if told else ""
    own = next((s for s in sources_shown(actor) if s.organisation_id == actor.organisation_id), None)
    _member(root, own.id if own else 0, told.organisation if told else "")
    return answer(root)


@door(IMAGES_READ, "GET")
def members(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001
    root = ET.Element("members", xmlns=NAMESPACE)
    for source in sources_shown(actor):
        _member(root, source.id, source.name)
    return answer(root)


@door(IMAGES_READ, "GET")
def entries(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What changed in [from, to): entries in force, and tombstones of those that no longer are."""
    began, ended = _moment(request, "from", datetime.fromtimestamp(0, UTC)), _moment(request, "to", _LATEST)
    question = ["ncmec", began.isoformat(), ended.isoformat()]
    start, key = 1, None
    if text := request.GET.get("cursor"):
        key = cursors.read(text, actor.organisation_id, question)
        if key is None:
            raise refused(_("This page address is too old or not yours: begin again with from and to."))
        start = _number(request.GET.get("start", ""), 1, 2**53)
    root = ET.Element("queryResult", xmlns=NAMESPACE)
    images, videos = ET.SubElement(root, "images", count="0"), ET.SubElement(root, "videos", count="0")
    if began >= ended:
        return answer(root)
    page = entries_changed(began, ended, key, SIZE, actor=actor)
    sources = sources_shown(actor)
    for part, media in ((images, "image"), (videos, "video")):
        _fill(part, [entry for entry in page.entries if entry.media == media], sources)
    if page.next_key is not None:
        after = start + len(page.entries)
        fields = {
            "from": _zulu(began),
            "to": _zulu(ended),
            "start": after,
            "size": SIZE,
            "max": after + SIZE - 1,
            "cursor": cursors.write(actor.organisation_id, question, page.next_key),
        }
        paging = ET.SubElement(root, "paging")
        ET.SubElement(paging, "next").text = f"/v2/entries?{urlencode(fields)}"
    return answer(root)


@door(IMAGES_READ, "GET")
def reasons(request: HttpRequest, actor: Actor, kind: str) -> HttpResponse:  # noqa: ARG001
    """Why one may say no. The list stands twice: as the documentation shows it, and a step deeper, as clients read it."""
    if kind not in TYPES:
        raise NotFound
    root = ET.Element("availableFeedbackReasons", xmlns=NAMESPACE)
    deeper = ET.Element("availableFeedbackReasons")
    for guid, reason in GUIDS.items():
        for parent in (root, deeper):
            ET.SubElement(parent, "reason", guid=guid, name=str(reason), type=_type(kind))
    root.append(deeper)
    return answer(root)


@door(IMAGES_WRITE, "PUT")
def feedback(request: HttpRequest, actor: Actor, member: int, entry: int, kind: str) -> HttpResponse:
    """`<feedbackSubmission>` with `<affirmative/>` or `<negative>`: a vote of the organisation on the entry."""
    if kind not in TYPES or not 0 < entry < 2**63:
        raise NotFound
    found = entry_numbered(actor, entry)
    known = {source.code: source.id for source in sources_shown(actor)}
    if found is None or known.get(found.source_code) != member:
        raise NotFound
    if TYPES[kind] not in {each.algorithm for each in fingerprints_of([found.id])}:
        raise NotFound
    verdict, reason = _said(request.body)
    bank.vote_record(actor=actor, entry_id=found.id, verdict=verdict, reason=reason)
    return HttpResponse(status=200)


def _said(body: bytes) -> tuple[Verdict, Reason]:
    try:
        root = read_xml(body)
    except XmlRefused as error:
        raise refused(_("The body is not a feedbackSubmission.")) from error
    said = list(root)
    if root.tag != "feedbackSubmission" or len(said) != 1 or said[0].tag not in {"affirmative", "negative"}:
        raise refused(_("The body is not a feedbackSubmission."))
    if said[0].tag == "affirmative":
        return Verdict.CONFIRM, Reason.AGREES
    guids = [(each.text or "").strip() for each in said[0].findall("reasonIds/guid")]
    if len(guids) != 1 or guids[0] not in GUIDS:
        raise refused(_("Name one of the reasons that /v2/feedback tells."))
    return Verdict.DENY, GUIDS[guids[0]]


def _fill(part: ET.Element, entries: Sequence[EntryView], sources: Sequence[SourceView]) -> None:
    members = {source.code: source for source in sources}
    part.set("count", str(len(entries)))
    if entries:
        part.set("maxTimestamp", _zulu(max(entry.changed_at for entry in entries)))
    for entry in entries:
        tag = f"deleted{entry.media.capitalize()}" if entry.deleted else entry.media
        each = ET.SubElement(part, tag)
        source = members.get(entry.source_code)
        _member(each, source.id if source else 0, entry.source_name)
        ET.SubElement(each, "timestamp").text = _zulu(entry.changed_at)
        ET.SubElement(each, "id").text = str(entry.number)
        if entry.deleted:
            continue
        if code := entry.codes.get("us"):
            ET.SubElement(each, "classification").text = code
        values = ET.SubElement(each, "fingerprints")
        told: set[str] = set()
        for value in entry.fingerprints:
            name = NAMES.get(value.algorithm)
            if name is None or name in told or (name == "PDQ" and entry.media == "video"):
                continue
            if is_matched(value.algorithm, value.quality):
                ET.SubElement(values, name.lower()).text = value.value.hex()
                told.add(name)
        _feedback(each, entry.votes, sorted(told), sources)


def _feedback(each: ET.Element, votes: Sequence[VoteView], kinds: Iterable[str], sources: Sequence[SourceView]) -> None:
    """Votes are on entries, so they stand at every fingerprint of it. Who is no source of ours votes as number 0."""
    root = ET.SubElement(each, "feedback")
    if not votes:
        return
    numbers = {source.organisation_id: source.id for source in sources if source.organisation_id is not None}
    root.set("lastUpdateTimestamp", _zulu(max(vote.at for vote in votes)))
    for kind in kinds:
        for verdict, tag in ((Verdict.CONFIRM, "affirmativeFeedback"), (Verdict.DENY, "negativeFeedback")):
            said = [vote for vote in votes if vote.verdict == verdict]
            if not said:
                continue
            part = ET.SubElement(root, tag, type=_type(kind), lastUpdateTimestamp=_zulu(max(v.at for v in said)))
            if verdict == Verdict.CONFIRM:
                _voters(part, said, numbers)
                continue
            block = ET.SubElement(part, "reasons")
            for guid, reason in GUIDS.items():
                if of := [vote for vote in said if vote.reason == reason]:
                    ET.SubElement(block, "reason", guid=guid, name=str(reason), type=_type(kind))
                    _voters(block, of, numbers)


def _voters(part: ET.Element, votes: Sequence[VoteView], numbers: dict[uuid.UUID, int]) -> None:
    block = ET.SubElement(part, "members", timestamp=_zulu(max(vote.at for vote in votes)))
    for vote in {vote.organisation_id: vote for vote in votes}.values():
        if vote.organisation_id in numbers:
            _member(block, numbers[vote.organisation_id], vote.organisation)
        else:
            _member(block, 0, "-")


def _member(parent: ET.Element, number: int, name: str) -> None:
    ET.SubElement(parent, "member", id=str(number)).text = name


def _type(kind: str) -> str:
    """As it stands in attributes."""
    return kind.capitalize() if kind in {"MD5", "SHA1"} else kind


def _zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(request: HttpRequest, name: str, default: datetime) -> datetime:
    text = request.GET.get(name)
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return (moment + timedelta(0)).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise refused(_("from and to are moments as 2026-01-31T00:00:00Z.")) from error


def _number(text: str, least: int, most: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 18 and least <= int(text) <= most:
        return int(text)
    raise refused(_("A number is missing or out of range."))
