"""Addresses that others' clients call, beside the partner API's own under /api/v1/."""

from django.urls import path

from mamori.lists.exchange import hma, ncmec, stopncii

PARTNER = [
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
