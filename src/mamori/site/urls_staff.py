"""The staff face."""

from django.urls import include, path

from mamori.site.faces import pages

urlpatterns = [
    path("", include("mamori.ground.accounts.entrance")),
    *pages("STAFF"),
]
