from django.urls import path

from mamori.hotline.referral import pages

STAFF = [
    path("police/", pages.desk_page, name="referral_desk"),
    path("police/policy/", pages.policy_page, name="referral_policy"),
    path("police/<uuid:referral_id>/", pages.referral_page, name="referral_page"),
    path("police/<uuid:referral_id>/open/", pages.open_referral, name="referral_open"),
    path("police/<uuid:referral_id>/acknowledge/", pages.acknowledge, name="referral_acknowledge"),
    path("police/<uuid:referral_id>/hold/", pages.hold, name="referral_hold"),
    path("police/<uuid:referral_id>/renew/", pages.renew, name="referral_renew"),
    path("police/<uuid:referral_id>/release/", pages.release, name="referral_release"),
    path("police/<uuid:referral_id>/feedback/", pages.feedback, name="referral_feedback"),
    path("police/<uuid:referral_id>/phone/", pages.phone, name="referral_phone"),
    path("police/<uuid:referral_id>/choose/", pages.choose, name="referral_choose"),
    path("police/<uuid:referral_id>/evidence/", pages.evidence, name="referral_evidence"),
    path("police/<uuid:referral_id>/preserve/", pages.preserve, name="referral_preserve"),
    path("police/<uuid:referral_id>/preserve/<uuid:preservation_id>/extend/", pages.extend, name="referral_extend"),
]
