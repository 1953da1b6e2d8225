from django.urls import path

from mamori.lists.distribution import pages

STAFF = [
    path("editions/", pages.editions, name="distribution_editions"),
    path("list/refused/", pages.refused, name="distribution_refused"),
    path("editions/<int:version>/", pages.edition, name="distribution_edition"),
    path("editions/subscribers/", pages.subscribers, name="distribution_subscribers"),
    path("editions/subscribers/<uuid:subscriber_id>/", pages.subscriber, name="distribution_subscriber"),
    path(
        "editions/subscribers/<uuid:subscriber_id>/revoke/",
        pages.subscriber_revoke,
        name="distribution_subscriber_revoke",
    ),
    path("editions/kill/", pages.kill, name="distribution_kill"),
]
