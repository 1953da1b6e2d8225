"""The URL list for subscribers: signed files, as they stand on disk."""

import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from ninja import Router

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.lists.distribution import store
from mamori.lists.distribution.permissions import LIST_READ

router = Router(tags=["list"])


@router.get("/list/editions/current", response={200: dict[str, Any]})
def current(request: HttpRequest) -> Any:
    """Number and files of the edition in force. Verify them with a TUF client before use."""
    _require(request)
    folder = settings.EDITION_DIR
    version = store.current(folder) if folder else None
    if folder is None or version is None:
        raise NotFound
    return {"version": version, "files": sorted(store.read(folder, version))}


@router.get("/list/editions/{int:version}/{name}")
def file(request: HttpRequest, version: int, name: str) -> HttpResponse:
    """One file of an edition, with an ETag: ask again with If-None-Match."""
    _require(request)
    if settings.EDITION_DIR is None or version < 1 or not (settings.EDITION_DIR / str(version)).is_dir():
        raise NotFound
    data = store.read(settings.EDITION_DIR, version).get(name)
    if data is None:
        raise NotFound
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(data, content_type="application/octet-stream")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    return answer


def _require(request: HttpRequest) -> None:
    actor: Actor = request.auth  # type: ignore[attr-defined]
    actor.require(LIST_READ)
