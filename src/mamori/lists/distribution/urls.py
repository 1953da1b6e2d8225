from django.urls import path

from mamori.lists.distribution import pages, safebrowsing

STAFF = [
    path("editions/", pages.editions, name="distribution_editions"),
    path("list/refused/", pages.refused, name="distribution_refused"),
    path("list/waiting/", pages.waiting, name="distribution_waiting"),
    path("editions/<int:version>/", pages.edition, name="distribution_edition"),
    path("editions/<int:version>/take-back/", pages.take_back, name="distribution_take_back"),
    path("editions/subscribers/", pages.subscribers, name="distribution_subscribers"),
    path("editions/subscribers/<uuid:subscriber_id>/", pages.subscriber, name="distribution_subscriber"),
    path(
        "editions/subscribers/<uuid:subscriber_id>/revoke/",
        pages.subscriber_revoke,
        name="distribution_subscriber_revoke",
    ),
    path("editions/following/", pages.following, name="distribution_following"),
    path("editions/kill/", pages.kill, name="distribution_kill"),
]

# Addresses that clients of Safe Browsing call.
PARTNER = [
    path("v4/threatListUpdates:fetch", safebrowsing.v4_fetch),
    path("v4/fullHashes:find", safebrowsing.v4_find),
    path("v5/hashLists", safebrowsing.v5_list),
    path("v5/hashLists:batchGet", safebrowsing.v5_batch),
    path("v5/hashList/<str:name>", safebrowsing.v5_get),
    path("v5/hashes:search", safebrowsing.v5_search),
]
