"""The staff face."""

from django.urls import include, path

from mamori.site.faces import pages

handler404 = "mamori.ground.errors.no_such_page"
urlpatterns = [
    path("", include("mamori.ground.accounts.entrance")),
    *pages("STAFF"),
]
