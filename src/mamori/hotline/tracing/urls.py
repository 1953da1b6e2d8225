from django.urls import path

from mamori.hotline.tracing import pages

STAFF = [
    path("contacts/", pages.contacts_page, name="tracing_contacts"),
    path("contacts/<uuid:contact_id>/", pages.contact_page, name="tracing_contact"),
    path("contacts/<uuid:contact_id>/approve/", pages.approve, name="tracing_approve"),
    path("contacts/<uuid:contact_id>/replace/", pages.replace, name="tracing_replace"),
    path("contacts/<uuid:contact_id>/key/", pages.register_key, name="tracing_key"),
    path("contacts/hosts/", pages.hosts_page, name="tracing_hosts"),
    path("contents/<uuid:content_id>/host/contact/", pages.enter, name="tracing_enter"),
    path("contents/<uuid:content_id>/host/<uuid:contact_id>/", pages.confirm, name="tracing_confirm"),
    path("contents/<uuid:content_id>/host/again/", pages.again, name="tracing_again"),
]
