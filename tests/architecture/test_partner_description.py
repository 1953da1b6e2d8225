"""What the partner API says of itself."""

from collections.abc import Iterator

from ninja import Schema

from mamori.site.partner import api


def schemas(of: type[Schema] = Schema) -> Iterator[type[Schema]]:
    for each in of.__subclasses__():
        yield each
        yield from schemas(each)


def test_what_bears_one_name_has_one_form() -> None:
    """Of two forms under one name the description shows one for both."""
    assert api.get_openapi_schema(path_prefix="/")["paths"]
    forms: dict[str, dict[str, str]] = {}
    for each in schemas():
        if each.__module__.startswith("mamori."):
            forms.setdefault(each.__name__, {})[each.__module__] = str(each.model_json_schema())
    assert len(forms) > 10
    assert {name: sorted(found) for name, found in forms.items() if len(set(found.values())) > 1} == {}
