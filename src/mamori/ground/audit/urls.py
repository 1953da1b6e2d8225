from django.urls import path

from mamori.ground.audit import pages

STAFF = [
    path("audit/", pages.events, name="audit_events"),
    path("audit/checkpoints/", pages.checkpoints, name="audit_checkpoints"),
    path("audit/verify/", pages.verify, name="audit_verify"),
    path("audit/export.jsonl", pages.export, name="audit_export"),
]
