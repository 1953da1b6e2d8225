"""Every table ends with a data class, or is kept for ever for a stated reason."""

from django.apps import apps

from mamori.ground.retention import data_classes
from mamori.site.database import grants
from mamori.site.retention import KEPT


def ending() -> dict[str, list[str]]:
    """Table -> data classes that end it."""
    found: dict[str, list[str]] = {}
    for each in data_classes():
        for table in each.tables:
            found.setdefault(table, []).append(each.name)
    return found


def test_every_table_is_in_a_retention_class_or_kept_for_a_reason() -> None:
    tables = set(grants()) | {
        model._meta.db_table
        for app in apps.get_app_configs()
        if app.name.startswith("mamori.")
        for model in app.get_models()
    }
    assert tables - set(ending()) - set(KEPT) == set()


def test_nothing_is_both_kept_and_ended_or_named_without_being_there() -> None:
    known = set(grants())
    assert set(ending()) & set(KEPT) == set()
    assert (set(ending()) | set(KEPT)) - known - {"account_emailconfirmation"} == set()
    assert all(KEPT.values())


def test_every_data_class_has_a_name_of_its_room_a_period_and_tables() -> None:
    names = [each.name for each in data_classes()]
    assert len(set(names)) == len(names)
    for each in data_classes():
        assert each.period.days >= 1, each.name
        assert each.tables, each.name
        assert each.name.partition(".")[0] in {table.partition("_")[0] for table in each.tables}, each.name
