"""What a partner's token may be given. Rooms register the scopes of their own API, in `permissions.py`."""

from django.utils.functional import Promise

Text = str | Promise
_scopes: dict[str, Text] = {}


def register_scope(name: str, title: Text) -> None:
    """Offer a scope in the form that creates tokens."""
    _scopes[name] = title


def scopes() -> list[tuple[str, Text]]:
    """(name, title) of all scopes, by name."""
    return sorted(_scopes.items())
