from django.urls import path

from mamori.hotline.takedown import hoster, pages

PUBLIC = [path("hoster/<str:token>/", hoster.page, name="takedown_hoster")]
STAFF = [
    path("notices/", pages.notices, name="takedown_notices"),
    path("notices/addresses/", pages.addresses, name="takedown_addresses"),
    path("notices/answers/", pages.answers, name="takedown_answers"),
    path("notices/ended/", pages.ended, name="takedown_ended"),
    path("notices/ended/<uuid:content_id>/", pages.regulator, name="takedown_regulator"),
    path("notices/items/<uuid:item_id>/settle/", pages.settle, name="takedown_settle"),
    path("notices/answers/<uuid:answer_id>/settle/", pages.answer_settle, name="takedown_answer_settle"),
    path("notices/<uuid:notice_id>/", pages.notice, name="takedown_notice"),
    path("notices/<uuid:notice_id>/send/", pages.send_now, name="takedown_send"),
    path("notices/<uuid:notice_id>/close/", pages.close, name="takedown_close"),
    path("notices/<uuid:notice_id>/resend/", pages.resend, name="takedown_resend"),
    path("notices/<uuid:notice_id>/warn/", pages.warn, name="takedown_warn"),
    path("ledger/", pages.ledger, name="takedown_ledger"),
]
