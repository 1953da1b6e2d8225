"""The partner face: one API under /api/v1/, and what clients of others call at their own addresses; all by token."""

from django.urls import path

from mamori.site.faces import pages
from mamori.site.partner import api

urlpatterns = [path("api/v1/", api.urls), *pages("PARTNER")]
handler400 = "mamori.site.partner.bad_request"
handler404 = "mamori.site.partner.no_such_page"
handler500 = "mamori.site.partner.failed"
