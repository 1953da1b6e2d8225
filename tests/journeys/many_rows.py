"""More of everything: every row of the platform's tables copied, with its own relations and with the same ones."""

from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from django.apps import apps
from django.db import IntegrityError, models, transaction

from mamori.site.faces import ROOMS

# What tells rows apart where a constraint over several fields asks for it.
NAMES = {
    "target_digest",
    "digest",
    "external_id",
    "number",
    "n",
    "place",
    "version",
    "key",
    "resolver",
    "zone",
    "value",
}
Row = models.Model


def tables() -> list[type[Row]]:
    """All tables of the rooms, an earlier room's first."""
    return [model for room in ROOMS for model in apps.get_app_config(room.rpartition(".")[2]).get_models()]


class Copies:
    """Copies of all rows there are now. `grow(n)` makes copies number 1 to n that are not there yet."""

    def __init__(self) -> None:
        self._rows = [row for model in tables() for row in model._base_manager.order_by("pk")]
        self._made = 0

    def grow(self, n: int) -> None:
        for number in range(self._made + 1, n + 1):
            self._world(number)
            for row in self._rows:
                _insert(_changed(row, number, {}))
        self._made = max(n, self._made)

    def _world(self, number: int) -> None:
        """A second of everything: what belongs together still does."""
        keys: dict[Any, Any] = {
            (type(row), row.pk): uuid4() for row in self._rows if isinstance(row._meta.pk, models.UUIDField)
        }
        ids = {pk: new for (_model, pk), new in keys.items()}
        for row in self._rows:
            copy = _changed(row, number, keys | ids, keys.get((type(row), row.pk)))
            if _insert(copy):
                keys[type(row), row.pk] = copy.pk


def _changed(row: Row, number: int, known: dict[Any, Any], pk: UUID | None = None) -> Row:
    """A copy of a row that shares nothing unique with it. `known`: (model, key) or id -> that of the copy."""
    copy = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
    meta = row._meta
    apart = {name for rule in meta.constraints if isinstance(rule, models.UniqueConstraint) for name in rule.fields}
    for field in meta.concrete_fields:
        value = getattr(row, field.attname)
        if field.primary_key and not field.is_relation:
            new: Any = None if isinstance(field, models.AutoField) else _other(field, value, number)
            new = (pk or uuid4()) if isinstance(value, UUID) else new
        elif field.is_relation:
            new = known.get((field.related_model, value), value)
        elif isinstance(value, UUID):
            new = known.get(value, uuid4() if field.unique else value)
        elif field.unique or (field.name in apart and field.name in NAMES):
            new = _other(field, value, number)
        else:
            continue
        setattr(copy, field.attname, new)
    copy._state.adding = True
    return copy


def _other(field: Any, value: Any, number: int) -> Any:
    """Another value of the same kind."""
    if value is None:
        return None
    if isinstance(value, int):
        return value + 1000 * number + uuid4().int % 1000
    digest = sha256(f"{value!r}{number}{uuid4()}".encode())
    if isinstance(value, str):
        return f"{digest.hexdigest()[:12]}@many.example" if "@" in value else digest.hexdigest()[: field.max_length]
    return digest.digest()


def _insert(row: Row) -> bool:
    """Whether the database takes it: what there may be only one of is left out."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True
