"""For subscribers: that the edition each of them got is the one in the log."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from mamori.ground.actors import Actor
from mamori.lists.openness import queries

router = Router(tags=["list"])
FOR_EVER = "private, max-age=604800, immutable"


@router.get("/list/editions/{int:version}/proof", response={200: dict[str, Any]})
def proof(request: HttpRequest, version: int) -> HttpResponse:
    """That an edition stands in the log, under a checkpoint which a witness cosigned. 404 until it does, a minute or two.

    `mamori list pull` and `guard` ask and verify by themselves (`--log-key`, `--witness-key`); a file with this answer is what
    `mamori openness check` takes. It never changes.
    """
    actor: Actor = request.auth  # type: ignore[attr-defined]
    answer = HttpResponse(queries.proof_for(actor, version), content_type="application/json")
    answer["Cache-Control"] = FOR_EVER
    return answer
