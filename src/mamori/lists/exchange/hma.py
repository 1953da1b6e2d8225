"""The look-ups a user of Hasher-Matcher-Actioner already calls, with our token. docs/guides/hma-migration.md.

Shapes after facebook/ThreatExchange, hasher-matcher-actioner/src/OpenMediaMatch/blueprints (matching, hashing) and
schemas, July 2026. "bank_content_id" is the entry's number, a bank is a source of ours.
"""

import hashlib
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from mamori.engine.similar import LEAST_QUALITY
from mamori.ground.actors import Actor
from mamori.ground.doors import Door, by_bearer, in_message
from mamori.ground.errors import TOO_LARGE, DomainError
from mamori.lists.exchange import index
from mamori.lists.exchange.items import LENGTHS, Item, Match
from mamori.lists.exchange.services import examine, quota_take
from mamori.lists.fingerprints.permissions import IMAGES_MATCH

door = Door(by_bearer, in_message, 'Bearer realm="mamori"')
ALIVE, NOT_LOADED, STALE = "I-AM-ALIVE", "INDEX-NOT-LOADED", "INDEX-STALE"
MOST_FILE = 5 * 1024 * 1024  # bytes of a file sent to be hashed
# Their names of signal types -> ours. The last three are ours: they have none for pictures' digests.
SIGNALS = {"pdq": "pdq", "video_md5": "md5", "md5": "md5", "sha1": "sha1", "sha256": "sha256"}
SIGNALS_OF = {"photo": ("pdq",), "video": ("video_md5",)}
_YES, _NO = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


class KeptInMemory(MemoryFileUploadHandler):
    """Takes a file of up to MOST_FILE bytes into memory and stops at more: nothing is ever written to a disk."""

    def handle_raw_input(self, *_given: Any, **_named: Any) -> None:
        self.activated = True
        self.taken = 0
        self.too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.taken += len(raw_data)
        if self.taken > MOST_FILE:
            self.too_large = True
            raise StopUpload(connection_reset=False)
        return super().receive_data_chunk(raw_data, start)


def refused(words: Any, status: int = 400) -> DomainError:
    return DomainError("refused", words, status=status)


@door(IMAGES_MATCH, "GET", "POST")
def raw_lookup(request: HttpRequest, actor: Actor) -> HttpResponse:
    """`{"matches": [number, …]}`, with include_distance `{"matches": [{"bank_content_id", "distance"}]}`."""
    matches = _asked(request, actor)
    if _flag(request, "include_distance"):
        return JsonResponse({"matches": [_with_distance(match) for match in matches]})
    return JsonResponse({"matches": [match.entry for match in matches]})


@door(IMAGES_MATCH, "GET", "POST")
def lookup(request: HttpRequest, actor: Actor) -> HttpResponse:
    """By signal: `{bank: [{"bank_content_id", "distance"}]}`; a file sent: the same below each signal type."""
    if request.method == "GET" or "signal" in request.GET:
        return JsonResponse(_by_bank(_asked(request, actor)))
    hashed = _hashed(request, actor)
    found = {}
    for name, value in hashed.items():
        matches = _search(request, actor, name, value) if value else []
        found[name] = _by_bank(matches)
    return JsonResponse(found)


@door(IMAGES_MATCH, "GET", "POST")
def hash_file(request: HttpRequest, actor: Actor) -> HttpResponse:
    """`{"pdq": hex}` of a picture sent as the file "photo"; "" when it is too plain. `{"video_md5": hex}` of a "video"."""
    return JsonResponse(_hashed(request, actor))


@door(IMAGES_MATCH, "GET")
def index_status(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001 - the door's form
    """`{signal type: {"present", "built_to", "size"}}`; `built_to` is the moment the index was last complete."""
    names = list(SIGNALS)
    wanted = request.GET.get("signal_type")
    if wanted is not None:
        if wanted not in SIGNALS:
            raise refused(_("There is no such signal type."))
        names = [wanted]
    try:
        told = index.reader().status()
    except index.IndexMissing:
        return JsonResponse({name: {"present": False, "built_to": -1, "size": 0} for name in names})
    built_to = int(told.at.timestamp())
    sizes = {name: told.pictures if name == "pdq" else told.digests for name in names}
    return JsonResponse({name: {"present": True, "built_to": built_to, "size": sizes[name]} for name in names})


@door(IMAGES_MATCH, "GET")
def status(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001
    """200 when the index is there and was complete within the minute, else 503, with their words."""
    try:
        age = index.reader().status().age
    except index.IndexMissing:
        return HttpResponse(NOT_LOADED, status=503, content_type="text/plain")
    stale = age > index.STALE_SECONDS
    return HttpResponse(STALE if stale else ALIVE, status=503 if stale else 200, content_type="text/plain")


@door(IMAGES_MATCH, "GET")
def live(request: HttpRequest, actor: Actor) -> HttpResponse:  # noqa: ARG001
    return HttpResponse(ALIVE, content_type="text/plain")


def _parameter(request: HttpRequest, name: str) -> str | None:
    return request.GET.get(name, request.POST.get(name) if request.method == "POST" else None)


def _flag(request: HttpRequest, name: str) -> bool:
    text = (_parameter(request, name) or "").lower()
    if text not in _YES | _NO:
        raise refused(_("Write true or false."))
    return text in _YES


def _asked(request: HttpRequest, actor: Actor) -> list[Match]:
    if request.GET.get("url"):
        raise _fetches_nothing()
    request.upload_handlers = [KeptInMemory(request)]
    signal, name = _parameter(request, "signal"), _parameter(request, "signal_type")
    if not signal or not name:
        raise refused(_("signal and signal_type are required."))
    return _search(request, actor, name, signal)


def _search(request: HttpRequest, actor: Actor, name: str, signal: str) -> list[Match]:
    ours = SIGNALS.get(name)
    if ours is None:
        raise refused(_("There is no such signal type."))
    try:
        value = bytes.fromhex(signal)
    except ValueError:
        value = b""
    if len(value) != LENGTHS[ours] or len(signal) != 2 * len(value):
        raise refused(_("The signal is not a fingerprint of this type."))
    item = Item(pdq=value) if ours == "pdq" else Item(digests={ours: value})
    (told,) = examine(actor=actor, items=[item]).told
    banks = _parameter(request, "banks")
    wanted = set(banks.split(",")) if banks else None
    return [
        match
        for match in told.matches
        if (wanted is None or match.source in wanted) and (name != "video_md5" or match.media == "video")
    ]


def _with_distance(match: Match) -> dict[str, Any]:
    """Theirs is a text, and "-" where a digest has no distance."""
    return {"bank_content_id": match.entry, "distance": "-" if match.distance is None else str(match.distance)}


def _by_bank(matches: list[Match]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for match in matches:
        found.setdefault(match.source, []).append(_with_distance(match))
    return found


def _fetches_nothing() -> DomainError:
    return refused(_("This server fetches no address. Send the file, or its fingerprint."), 403)


def _hashed(request: HttpRequest, actor: Actor) -> dict[str, str]:
    """Signal type -> hexadecimal value of the one file of a request."""
    if request.method != "POST" or request.GET.get("url"):
        raise _fetches_nothing()
    field, data = _file(request)
    names = [name.strip() for name in request.GET.get("types", ",".join(SIGNALS_OF[field])).split(",") if name.strip()]
    if not names or not set(names) <= set(SIGNALS_OF[field]):
        raise refused(_("There is no such signal type."))
    if actor.organisation_id is not None:
        quota_take(organisation_id=actor.organisation_id, fingerprints=len(names))
    if field == "video":
        return {"video_md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
    from mamori.engine.images import ImageError, fingerprint_safely  # noqa: PLC0415 - codecs, only where a file is sent

    try:
        made = fingerprint_safely(data)
    except ImageError as error:
        raise refused(f"{error.code}: {error.message}") from error
    enough = made.pdq is not None and made.pdq_quality >= LEAST_QUALITY
    return {"pdq": made.pdq.hex() if enough and made.pdq is not None else ""}


def _file(request: HttpRequest) -> tuple[str, bytes]:
    kept = KeptInMemory(request)
    request.upload_handlers = [kept]
    files: MultiValueDict[str, Any] = request.FILES
    if getattr(kept, "too_large", False):
        raise TOO_LARGE
    sent = [(name, file) for name, several in files.lists() for file in several]
    if len(sent) != 1:
        raise refused(_("Send one file."))
    field, file = sent[0]
    if field not in SIGNALS_OF:
        raise refused(_("Name the file photo or video."))
    if not isinstance(file, InMemoryUploadedFile):
        raise TOO_LARGE
    return field, file.read()
