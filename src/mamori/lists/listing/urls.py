from django.urls import path

from mamori.lists.listing.pages import appeals, public, staff

PUBLIC = [
    path("list/", public.about, name="list_about"),
    path("list/appeal/", public.appeal, name="list_appeal"),
    path("list/stop/", public.stop, name="list_stop"),
]
STAFF = [
    path("list/", staff.desk, name="listing_desk"),
    path("list/propose/<uuid:content_id>/<slug:method>/", staff.propose, name="listing_propose"),
    path("list/entry/<uuid:entry_id>/", staff.entry, name="listing_entry"),
    path("list/entry/<uuid:entry_id>/statement/", staff.statement, name="listing_statement"),
    path("list/entry/<uuid:entry_id>/sign/", staff.sign, name="listing_sign"),
    path("list/entry/<uuid:entry_id>/activate/", staff.activate, name="listing_activate"),
    path("list/entry/<uuid:entry_id>/review/", staff.review, name="listing_review"),
    path("list/entry/<uuid:entry_id>/withdraw/", staff.withdraw, name="listing_withdraw"),
    path("list/appeals/", appeals.appeals, name="listing_appeals"),
    path("list/appeals/<uuid:appeal_id>/", appeals.appeal, name="listing_appeal"),
    path("list/keys/", staff.keys, name="listing_keys"),
    path("list/keys/<slug:key>/<slug:step>/", staff.key_step, name="listing_key_step"),
]
