"""Addresses that others' clients call, beside the partner API's own under /api/v1/."""

from typing import Any

from django.urls import URLPattern, path


def __getattr__(name: str) -> Any:
    """PARTNER, made when it is asked for: no other face loads what look-ups need (numba)."""
    if name != "PARTNER":
        raise AttributeError(name)
    return _partner()


def _partner() -> list[URLPattern]:
    from mamori.lists.exchange import hma, ncmec, stopncii  # noqa: PLC0415 - see above

    return [
        path("h/hash", hma.hash_file),
        path("m/raw_lookup", hma.raw_lookup),
        path("m/lookup", hma.lookup),
        path("m/index/status", hma.index_status),
        path("status", hma.status),
        path("status/live", hma.live),
        path("hashsharing/v2/status", ncmec.status),
        path("hashsharing/v2/members", ncmec.members),
        path("hashsharing/v2/entries", ncmec.entries),
        path("hashsharing/v2/feedback/<str:kind>/reasons", ncmec.reasons),
        path("hashsharing/v2/entries/<int:member>/<int:entry>/<str:kind>/feedback", ncmec.feedback),
        path("stopncii/v1/FetchHashes", stopncii.fetch_hashes),
        path("stopncii/v1/SubmitFeedback", stopncii.submit_feedback),
        path("stopncii/v1/SubmitHashes", stopncii.submit_hashes),
    ]
