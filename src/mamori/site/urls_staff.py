"""The staff face."""

from django.urls import include, path

from mamori.site.faces import pages

handler400 = "mamori.ground.errors.unreadable"
handler403 = "mamori.ground.errors.forbidden"
handler404 = "mamori.ground.errors.no_such_page"
handler500 = "mamori.ground.errors.failed"
urlpatterns = [
    path("", include("mamori.ground.accounts.entrance")),
    *pages("STAFF"),
]
