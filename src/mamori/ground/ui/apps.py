from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "mamori.ground.ui"
    label = "ui"
