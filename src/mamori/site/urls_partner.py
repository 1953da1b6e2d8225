"""The partner face: one API under /api/v1/, by token."""

from django.urls import path

from mamori.site.partner import api

urlpatterns = [path("api/v1/", api.urls)]
handler400 = "mamori.site.partner.bad_request"
handler404 = "mamori.site.partner.no_such_page"
handler500 = "mamori.site.partner.failed"
