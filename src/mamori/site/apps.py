from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "mamori.site"
    label = "site"
