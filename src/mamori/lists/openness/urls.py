from django.urls import path

from mamori.lists.openness import pages

PUBLIC = [
    path("list/figures/", pages.figures, name="list_figures"),
    path("list/figures.json", pages.figures_json, name="list_figures_json"),
    path("list/figures.csv", pages.figures_csv, name="list_figures_csv"),
]
