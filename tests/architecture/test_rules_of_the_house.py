"""The rules of the house that no linter knows. Each rule has a test of the rule beside it."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from mamori.ground import facts
from mamori.site.database import ROLES, grants

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "mamori"
MODULES = sorted(p for p in SOURCE.rglob("*.py") if "migrations" not in p.parts)
WRITES = {"save", "create", "bulk_create", "update_or_create", "get_or_create", "bulk_update", "delete", "update"}
CONTENT_TABLES = re.compile(
    r"(assessment|tracing|referral|checks|listing|distribution|letters|accounts|audit|takedown)_"
)


def writing_calls(tree: ast.AST) -> Iterator[int]:
    """Lines that call a writing method of a model or manager: `x.objects….update(…)`, `row.save(…)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES):
            continue
        if node.func.attr == "save" or "objects" in ast.dump(node.func.value):
            yield node.lineno


def writes(path: Path) -> bool:
    """Modules that may write: services (or a package of them), the ground's own small stores, the one move of a state."""
    if path == SOURCE / "ground" / "states.py":
        return True
    return any(
        part.startswith(("services", "exposure", "one_use", "leases")) for part in path.relative_to(SOURCE).parts
    )


def test_only_services_write() -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        if not writes(path) and "engine" not in path.parts and path.name != "models.py"
        for line in writing_calls(ast.parse(path.read_text()))
    ]
    assert broken == []


def test_the_writing_rule_sees_a_write() -> None:
    tree = ast.parse("Report.objects.filter(a=1).update(b=2)\nrow.save()\ndata.update(x)\nset.create")
    assert list(writing_calls(tree)) == [1, 2]


def test_no_module_outgrows_500_lines() -> None:
    assert [str(p) for p in MODULES if len(p.read_text().splitlines()) > 500] == []


def all_facts() -> list[type[facts.Fact]]:
    return facts.Fact.__subclasses__()


def test_facts_are_frozen_past_tense_and_hold_ids_only() -> None:
    assert len(all_facts()) >= 15
    for fact in all_facts():
        assert fact.__dataclass_params__.frozen, fact
        assert all(f.type is UUID and f.name.endswith("_id") for f in dataclasses.fields(fact)), fact
        assert fact.__doc__


def test_every_table_has_grants_and_every_grant_a_table() -> None:
    tables = {m._meta.db_table for a in apps.get_app_configs() for m in a.get_models(include_auto_created=True)}
    tables |= {
        "django_cache",
        "procrastinate_jobs",
        "procrastinate_events",
        "procrastinate_workers",
        "django_migrations",
    }
    tables |= {"procrastinate_periodic_defers"}
    tables -= {"auth_group", "auth_group_permissions", "auth_permission", "account_emailconfirmation"}
    granted = set(grants())
    assert {t for t in granted if t not in tables} - {"account_emailconfirmation"} == set()
    assert tables - granted == set()
    assert {role for roles in grants().values() for role in roles} == set(ROLES)


def test_the_public_role_reads_nothing_about_content() -> None:
    readable = {t for t, roles in grants().items() if "SELECT" in roles.get("public", "")}
    # The hoster's page is sealed under its own token: the table tells nothing without it.
    assert {t for t in readable if CONTENT_TABLES.match(t)} <= {"takedown_hosterpage"}


def test_nobody_may_change_the_log() -> None:
    for table in ("audit_event", "audit_seal", "audit_checkpoint"):
        for role, privileges in grants()[table].items():
            assert set(privileges.split(", ")) <= {"INSERT", "SELECT"}, (table, role)


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


OPEN_ON_THE_STAFF_FACE = re.compile(
    r"account/(login|logout|password/reset|2fa/authenticate|2fa/webauthn/login|inactive|login/code|signup|confirm-email"
    r"|reauthenticate|2fa/reauthenticate|2fa/trust|stages)|invitation/|i18n/setlang"
)


def test_every_staff_page_needs_a_login_unless_listed() -> None:
    from mamori.site import urls_staff

    open_pages = {
        route
        for route, entry in patterns(get_resolver(urls_staff.__name__))
        if not getattr(entry.callback, "login_required", True)
    }
    assert {route for route in open_pages if not OPEN_ON_THE_STAFF_FACE.match(route)} == set()


def test_the_stylesheet_stays_small() -> None:
    assert (SOURCE / "ground/ui/static/mamori/mamori.css").stat().st_size < 20_000


def test_no_template_carries_inline_script_or_style() -> None:
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", re.IGNORECASE)
    broken = [str(p) for p in SOURCE.rglob("templates/**/*.html") if inline.search(p.read_text())]
    assert broken == []


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("migrations/0*.py")), ids=lambda p: "/".join(p.parts[-3:]))
def test_every_migration_belongs_to_a_room(path: Path) -> None:
    assert (path.parent.parent / "models.py").exists()


LOCK_NUMBER = re.compile(r"^_?[A-Z_]+ = (7_261_\d{3})\b", re.MULTILINE)


def test_no_two_advisory_locks_share_a_number():
    """PostgreSQL knows them by the number alone: who shares one waits for a stranger."""
    numbers = [found for module in MODULES for found in LOCK_NUMBER.findall(module.read_text())]
    assert len(numbers) > 5
    assert len(numbers) == len(set(numbers))
