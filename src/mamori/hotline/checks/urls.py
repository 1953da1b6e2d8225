from django.urls import path

from mamori.hotline.checks import pages

STAFF = [
    path("checks/", pages.desk, name="checks_desk"),
    path("checks/<uuid:content_id>/", pages.content, name="checks_content"),
    path("checks/<uuid:content_id>/now/", pages.now, name="checks_now"),
    path("checks/<uuid:content_id>/attest/", pages.attest, name="checks_attest"),
]
