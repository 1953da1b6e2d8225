"""The staff face."""

from django.urls import include, path

from mamori.site.faces import pages

urlpatterns = [
    path("account/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    *pages("STAFF"),
]
