"""The list for subscribers: signed editions and every format, as they stand on disk; and how each of them follows."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.http import parse_etags
from ninja import Router

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.lists.distribution import services, store
from mamori.lists.distribution.formats import Store, in_force
from mamori.lists.distribution.permissions import LIST_READ, LIST_STATUS
from mamori.lists.distribution.services.following import STATUS

router = Router(tags=["list"])
FOR_EVER = "private, max-age=604800, immutable"
DIRECTORY = "targets.json"  # signed, new in every edition: who has it takes what of the edition is new to it


@router.get("/list/editions/current", response={200: dict[str, Any]})
def current(request: HttpRequest) -> Any:
    """Number and files of the edition in force. Verify them with a TUF client before use."""
    _require(request)
    folder = settings.EDITION_DIR
    version = store.current(folder) if folder else None
    if folder is None or version is None:
        raise NotFound
    return {"version": version, "files": store.names(folder, version)}


@router.get("/list/editions/{int:version}/{name}")
def file(request: HttpRequest, version: int, name: str) -> HttpResponse:
    """One file of an edition, with an ETag: ask again with If-None-Match."""
    _require(request)
    if settings.EDITION_DIR is None or version < 1 or not (settings.EDITION_DIR / str(version)).is_dir():
        raise NotFound
    path = store.file(settings.EDITION_DIR, version, name)
    if path is None:
        raise NotFound
    if name == DIRECTORY:
        services.taken_note(actor=_actor(request), edition=version)
    return _answer(request, path, store.digest(path), "application/octet-stream", "private, no-cache")


@router.get("/list/formats", response={200: dict[str, Any]})
def formats(request: HttpRequest) -> Any:
    """Every format of the edition in force: digest, size, which decisions it carries, what it leaves out and why."""
    _require(request)
    _place, manifest = in_force()
    return {part: manifest[part] for part in ("edition", "written_at", "names", "urls", "refused", "files")}


@router.get("/list/formats/{name}")
def format_now(request: HttpRequest, name: str) -> HttpResponse:
    """One format of the edition in force, with an ETag: ask again with If-None-Match."""
    _require(request)
    place, manifest = in_force()
    return _object(request, place, manifest, name, "private, no-cache")


@router.get("/list/formats/{int:version}/{name}")
def format_of(request: HttpRequest, version: int, name: str) -> HttpResponse:
    """One format of one edition; it never changes. The last three editions are kept."""
    _require(request)
    place, _current = in_force()
    return _object(request, place, place.manifest(version) or {}, name, FOR_EVER)


@router.get("/list/formats/signed/{name}")
def formats_signed(request: HttpRequest, name: str) -> HttpResponse:
    """TUF metadata of the formats in force (`timestamp.json`, `snapshot.json`, `targets.json`, `N.root.json`), under the
    root of the editions: a TUF client's metadata address, `/list/formats/` being that of its targets."""
    _require(request)
    place, manifest = in_force()
    path = place.signed(manifest["edition"], name)
    if path is None:
        raise NotFound
    return _answer(request, path, store.digest(path), "application/json", "private, no-cache")


@router.get("/list/patches", response={200: dict[str, Any]})
def patches(request: HttpRequest) -> Any:
    """From which file (SHA-256) a patch leads to which: formats, and the files editions are based on. `zstd -d --patch-from`.

    Check what they make against the digest of the file it shall be.
    """
    _require(request)
    _place, manifest = in_force()
    return {"edition": manifest["edition"], "patches": manifest.get("patches", [])}


@router.get("/list/objects/{digest}")
def by_digest(request: HttpRequest, digest: str) -> HttpResponse:
    """One format or patch by its SHA-256: what has this name never changes."""
    _require(request)
    place, _current = in_force()
    path = place.object(digest)
    if path is None:
        raise NotFound
    return _answer(request, path, digest, "application/octet-stream", FOR_EVER)


@router.get("/list/subscribers", response={200: dict[str, Any]})
def subscribers(request: HttpRequest) -> Any:
    """Which edition each subscriber has, when it was offered, fetched and effective, and who lags.

    `standing`: late, or old_base where changes are taken and the base is not.

    With the scope list.status all of them; a subscriber sees itself. Times are UTC; `written_at` is a minute ago at most
    while the worker lives.
    """
    actor = _actor(request)
    if not actor.may(LIST_STATUS):
        actor.require(LIST_READ)
    try:
        told = json.loads((settings.EDITION_DIR / STATUS).read_bytes()) if settings.EDITION_DIR else None
    except FileNotFoundError:
        told = None
    if told is None:
        raise NotFound
    if not actor.may(LIST_STATUS):
        own = str(actor.organisation_id)
        told["subscribers"] = [each for each in told["subscribers"] if each["organisation_id"] == own]
    return told


def _object(request: HttpRequest, place: Store, manifest: dict[str, Any], name: str, keep: str) -> HttpResponse:
    told = manifest.get("files", {}).get(name)
    path = place.object(told["sha256"]) if told else None
    if told is None or path is None:
        raise NotFound
    services.taken_note(actor=_actor(request), edition=manifest["edition"])
    answer = _answer(request, path, told["sha256"], told["content_type"], keep)
    if answer.status_code == 200:
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Mamori-Edition"] = str(manifest["edition"])
    return answer


def _answer(request: HttpRequest, path: Path, digest: str, content_type: str, keep: str) -> HttpResponse:
    """A file below the folder of editions, under its digest as ETag; 304 to who has it. nginx, where it may, sends it."""
    etag = f'"{digest}"'
    answer: HttpResponse | FileResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    elif settings.LIST_ACCEL and settings.EDITION_DIR:
        answer = HttpResponse(content_type=content_type)
        answer["X-Accel-Redirect"] = f"{settings.LIST_ACCEL}/{path.relative_to(settings.EDITION_DIR)}"
    else:
        answer = FileResponse(path.open("rb"), content_type=content_type)
    answer["ETag"] = etag
    answer["Cache-Control"] = keep
    return answer  # type: ignore[return-value]


def _actor(request: HttpRequest) -> Actor:
    found: Actor = request.auth  # type: ignore[attr-defined]
    return found


def _require(request: HttpRequest) -> None:
    _actor(request).require(LIST_READ)
