"""What a partner's token may be given. Rooms register the scopes of their own API, in `permissions.py`."""

from django.utils.functional import Promise

Text = str | Promise
_scopes: dict[str, tuple[Text, frozenset[str]]] = {}


def register_scope(name: str, title: Text, *, kinds: frozenset[str] = frozenset()) -> None:
    """Offer a scope in the form that creates tokens. `kinds`: the kinds of organisation it is for; empty: all."""
    _scopes[name] = title, kinds


def scopes() -> list[tuple[str, Text]]:
    """(name, title) of all scopes, by name."""
    return sorted((name, title) for name, (title, _kinds) in _scopes.items())


def unfit(names: list[str], kind: str) -> list[str]:
    """Those of the scopes that do not exist, or that an organisation of this kind is not given."""
    return [name for name in names if name not in _scopes or (_scopes[name][1] and kind not in _scopes[name][1])]
