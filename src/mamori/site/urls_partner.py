"""The partner face: one API under /api/v1/, by token."""

from django.urls import path

from mamori.site.partner import api

urlpatterns = [path("api/v1/", api.urls)]
