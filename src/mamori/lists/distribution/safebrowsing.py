"""The hash lists at the addresses clients of Safe Browsing ask: version 4 (Update API) and version 5.

The token stands where such clients put their key. What a client asks about is in no table and no log.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from mamori.engine.hashlists import MessageRefused, Update, full_update, v4, v5, with_prefix
from mamori.ground.actors import Actor
from mamori.ground.doors import Door, by_key, in_google
from mamori.ground.errors import TOO_LARGE, DomainError, NotFound
from mamori.lists.distribution import services
from mamori.lists.distribution.hashlists import HashList, in_force
from mamori.lists.distribution.permissions import LIST_READ

Asked = TypeVar("Asked")
door = Door(by_key, in_google, 'Bearer realm="mamori"')
WAIT = 60  # seconds until a client asks again, and for which an answer about a hash holds: as long as a DNS answer does
MALWARE = 1  # under this type of threat the list is told: every client in the field asks for it and knows its number
V4_NAME = "v4"
LISTS = {"mamori-4b": 4, "mamori-32b": 32, "mw-4b": 4}  # mw-4b: what clients ask for that know Google's names only
EMPTY_LISTS = {"se-4b": 4, "uws-4b": 4, "uwsa-4b": 4, "pha-4b": 4, "gc-32b": 32}  # of Google's; nothing of ours
MOST_BODY = 256 * 1024
_URL_SAFE = str.maketrans("-_ ", "+/+")  # a plus sign that was not escaped arrives as a space
NOTHING = full_update(b"", 4)
REFUSED = DomainError("invalid_argument", _("The request does not have the documented form."), status=400)
DESCRIPTION = "Addresses of child sexual abuse material, by decision of the list body"


def _answer(data: bytes) -> HttpResponse:
    return HttpResponse(data, content_type="application/x-protobuf")


# --- version 4 ------------------------------------------------------------------------------------------------------


@door(LIST_READ, "POST")
def v4_fetch(request: HttpRequest, actor: Actor) -> HttpResponse:
    """threatListUpdates.fetch: the list under the type MALWARE for every platform; every other list is empty."""
    asked = _message(request, v4.read_fetch)
    found = in_force(V4_NAME, 4)
    answer = v4.fetch_answer([_v4_list(found, each) for each in asked], WAIT)
    if any(each.threat == MALWARE for each in asked):
        services.taken_note(actor=actor, edition=found.manifest["edition"])
    return _answer(answer)


def _v4_list(found: HashList, asked: v4.ListAsked) -> bytes:
    if asked.threat != MALWARE or asked.entry != v4.URL_ENTRY:
        return v4.list_update(asked, NOTHING, b"", b"")
    update = found.update(asked.state)
    _fits(found, update, asked.max_update, asked.max_database)
    if v4.RICE not in asked.compressions:
        additions = v4.raw_additions(update)
    elif update.full:
        additions = bytes(found.store_bytes(found.coded["v4"]))
    else:
        additions = v4.rice_additions(update)
    return v4.list_update(asked, update, found.state, additions)


@door(LIST_READ, "POST")
def v4_find(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """fullHashes.find: the whole hashes that begin as asked."""
    asked = _message(request, v4.read_find)
    found = _search(asked.hashes) if MALWARE in asked.threats else []
    answer = v4.find_answer(found, MALWARE, sorted(asked.platforms), wait=0, cache=WAIT, negative=WAIT)
    return _answer(answer)


# --- version 5 ------------------------------------------------------------------------------------------------------


@door(LIST_READ, "GET")
def v5_get(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """hashList.get."""
    return _answer(_v5_list(name, request, actor, _octets(request, "version")))


@door(LIST_READ, "GET")
def v5_batch(request: HttpRequest, actor: Actor) -> HttpResponse:
    """hashLists.batchGet: versions come in any order, each says of which list it is."""
    names = request.GET.getlist("names")
    if not 1 <= len(names) <= v4.MOST_LISTS or len(set(names)) < len(names):
        raise REFUSED
    versions = _octets(request, "version")
    return _answer(v5.batch_answer(_v5_list(name, request, actor, versions) for name in names))


@door(LIST_READ, "GET")
def v5_list(_request: HttpRequest, _actor: Actor) -> HttpResponse:
    """hashLists.list: what there is."""
    described = (v5.described(name, length, MALWARE, DESCRIPTION) for name, length in LISTS.items())
    return _answer(v5.batch_answer(described))


@door(LIST_READ, "GET")
def v5_search(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """hashes.search: the whole hashes that begin as asked."""
    prefixes = _octets(request, "hashPrefixes", "hash_prefixes")
    if not 1 <= len(prefixes) <= v5.MOST_PREFIXES or not all(4 <= len(each) <= 32 for each in prefixes):
        raise REFUSED
    return _answer(v5.search_answer(_search(prefixes), MALWARE, WAIT))


def _v5_list(name: str, request: HttpRequest, actor: Actor, versions: Iterable[bytes]) -> bytes:
    if name in EMPTY_LISTS:
        return v5.hash_list(name, b"", NOTHING, b"", WAIT)
    if name not in LISTS:
        raise NotFound
    found = in_force(name, LISTS[name])
    mine = [each for each in versions if found.is_state(each)]
    if len(mine) > 1:
        raise REFUSED
    update = found.update(mine[0] if mine else b"")
    limits = (_number(request, part) for part in ("maxUpdateEntries", "maxDatabaseEntries"))
    _fits(found, update, *limits)
    added = bytes(found.store_bytes(found.coded["v5"])) if update.full else v5.additions(update)
    services.taken_note(actor=actor, edition=found.manifest["edition"])
    return v5.hash_list(name, found.state, update, added, WAIT)


# --- both -----------------------------------------------------------------------------------------------------------


def _search(prefixes: Iterable[bytes]) -> list[bytes]:
    hashes = in_force(V4_NAME, 4).hashes()
    return sorted({found for prefix in prefixes for found in with_prefix(hashes, prefix)})


def _fits(found: HashList, update: Update, most_update: int, most_held: int) -> None:
    """A client that cannot hold the list is refused: part of a list would let through what the rest blocks."""
    if 0 < most_held < found.coded["entries"] or 0 < most_update < len(update.additions) + len(update.removals):
        raise DomainError(
            "failed_precondition",
            _("The list is larger than this client takes."),
            remedy=_("Let the client take the whole list."),
            status=400,
        )


def _message(request: HttpRequest, read: Callable[[bytes], Asked]) -> Asked:
    """The request's body, read as a message of version 4."""
    if len(request.body) > MOST_BODY:
        raise TOO_LARGE
    try:
        return read(request.body)
    except MessageRefused as error:
        raise REFUSED from error


def _octets(request: HttpRequest, *names: str) -> list[bytes]:
    """Values of a repeated bytes parameter: base64 of either alphabet, with or without its padding."""
    texts = [text for name in names for text in request.GET.getlist(name) if text]
    try:
        return [base64.b64decode(f"{t.translate(_URL_SAFE)}{'=' * (-len(t) % 4)}", validate=True) for t in texts]
    except (binascii.Error, ValueError) as error:
        raise REFUSED from error


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(f"sizeConstraints.{name}") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise REFUSED
    return int(text)
