"""One object of each kind of the bank, for the pages that show them."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.models import Disagreement
from mamori.lists.fingerprints.services import NewFingerprint


def bank_objects(person: Callable[..., User], content_id: UUID) -> dict[str, Any]:
    """Url parameter -> the id of an object of the bank. Made by other people than those who look."""
    first, second = person(Role.ANALYST).actor, person(Role.SENIOR_ANALYST).actor
    services.source_add(actor=second, code="ngo", name="An NGO", kind="ngo", shared_with_partners=True)
    digest = uuid4().bytes
    made = [
        services.entry_add(
            actor=first,
            source_code="ngo",
            source_ref=f"ref-{classification}",
            media="image",
            classification=classification,
            fingerprints=[NewFingerprint("md5", digest), NewFingerprint("pdq", digest * 2, 90)],
            content_id=content_id,
        )
        for classification in ("baseline", "national")
    ]
    services.vote_record(actor=second, entry_id=made[0].id, verdict="confirm", reason="agrees")
    services.entry_compare(entry_id=made[0].id)
    negative = services.harmless_propose(
        actor=first, algorithm="pdq", value=uuid4().bytes * 2, reason="A stock picture of the sea."
    )
    lines = f"{uuid4().hex}\nnot a digest\n".encode()
    run = services.import_file(actor=second, source_code="ngo", form=Format.MD5, stream=io.BytesIO(lines))
    services.import_upload(actor=second, source_code="ngo", form=Format.MD5, stream=io.BytesIO(lines))
    return {
        "bank_id": made[0].id,
        "harmless_id": negative.id,
        "source_code": "ngo",
        "disagreement_id": Disagreement.objects.values_list("id", flat=True)[0],
        "import_id": run.id,
    }
