from django.urls import path

from mamori.hotline.assessment import pages

STAFF = [
    path("queue/", pages.queue_page, name="assessment_queue"),
    path("queue/next/", pages.queue_next, name="assessment_next"),
    path("exposure/", pages.exposure_page, name="assessment_exposure"),
    path("contents/<uuid:content_id>/assess/", pages.assess_page, name="assessment_assess"),
    path("contents/<uuid:content_id>/take/", pages.take, name="assessment_take"),
    path("contents/<uuid:content_id>/release/", pages.release, name="assessment_release"),
    path("contents/<uuid:content_id>/extend/", pages.extend, name="assessment_extend"),
    path("contents/<uuid:content_id>/unseen/", pages.unseen, name="assessment_unseen"),
    path("contents/<uuid:content_id>/again/", pages.again, name="assessment_again"),
    path("contents/<uuid:content_id>/reports/<uuid:report_id>/text/", pages.report_text, name="assessment_report_text"),
    path("opinions/<uuid:decision_id>/withdraw/", pages.withdraw, name="assessment_withdraw"),
    path("opinions/<uuid:decision_id>/note/", pages.note, name="assessment_note"),
]
