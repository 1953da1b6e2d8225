"""What every room's AppConfig does."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig

_REGISTERING = ("permissions", "looks", "listeners", "sweeps", "jobs")


class Room(AppConfig):
    """Imports, if the room has them, the modules that register permissions, looks, listeners, sweeps and jobs."""

    def ready(self) -> None:
        for part in _REGISTERING:
            module = f"{self.name}.{part}"
            if find_spec(module) is not None:
                import_module(module)
