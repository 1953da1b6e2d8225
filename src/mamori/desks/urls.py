from django.urls import path

from mamori.desks import pages

STAFF = [
    path("", pages.today, name="desks_today"),
    path("contents/<uuid:content_id>/", pages.case, name="desks_case"),
    path("figures/", pages.figures_page, name="desks_figures"),
    path("stuck/", pages.stuck, name="desks_stuck"),
    path("search/", pages.search, name="desks_search"),
]
