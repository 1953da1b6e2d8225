"""Every event that code records has a phrase of its own, in both languages, for who reads the log."""

import ast
from collections.abc import Iterable, Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.utils.translation import override

import mamori
from mamori.ground.audit.looks import events_known, register_events, register_things, things_known
from mamori.ground.letters.states import LETTER
from mamori.ground.states import Machine
from mamori.hotline.assessment.states import CONTENT
from mamori.hotline.referral.states import REFERRAL
from mamori.hotline.takedown.states import ITEM, NOTICE, REMOVAL
from mamori.hotline.tracing.states import TRACE
from mamori.lists.fingerprints.states import BANK_ENTRY
from mamori.lists.listing.states import ENTRY

SOURCE = Path(mamori.__file__).parent
# Events named after the state that a row moved to.
MOVES: dict[str, Machine[StrEnum]] = {
    "assessment.": CONTENT,
    "fingerprints.": BANK_ENTRY,
    "letters.": LETTER,
    "listing.": ENTRY,
    "referral.": REFERRAL,
    "takedown.item_": ITEM,
    "takedown.notice_": NOTICE,
    "takedown.removal_": REMOVAL,
    "tracing.": TRACE,
}


def recorded(module: ast.Module) -> Iterator[str]:
    """Every name of an event that a module gives to the log; LookupError for one that cannot be told from its text."""
    takers = {"audit.record": 0, "audit.record_many": 0, "states.move": None, "states.move_many": None}
    for function in ast.walk(module):  # that take the event from their caller
        if isinstance(function, ast.FunctionDef):
            names = [each.arg for each in function.args.args]
            takers |= {function.name: names.index("event")} if "event" in names else {}
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and (taker := ast.unparse(call.func)) in takers:
            given = next((keyword.value for keyword in call.keywords if keyword.arg == "event"), None)
            at = takers[taker]
            given = call.args[at] if given is None and at is not None else given
            assert given is not None, f"{taker} names no event"
            if ast.unparse(given) != "event":
                yield from names_of(given, module)


def names_of(given: ast.expr, module: ast.Module) -> Iterable[str]:
    match given:
        case ast.Constant(value=str(name)):
            return [name]
        case ast.IfExp(body=body, orelse=other):
            return [*names_of(body, module), *names_of(other, module)]
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), ast.FormattedValue()]):
            return [f"{prefix}{to}" for _was, to in MOVES[prefix].moves]
        case ast.Attribute(value=ast.Name(id=other_module), attr=constant):
            for line in module.body:
                if isinstance(line, ast.ImportFrom) and other_module in {name.name for name in line.names}:
                    return [getattr(import_module(f"{line.module}.{other_module}"), constant)]
        case ast.Name(id=variable):
            found = [
                each.value
                for each in ast.walk(module)
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == variable
            ]
            if len(found) == 1:
                return names_of(found[0], module)
    raise LookupError(f"which event is {ast.unparse(given)}?")


def modules() -> Iterator[ast.Module]:
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] not in {"engine", "tools"} and "migrations" not in path.parts:
            yield ast.parse(path.read_text())


def phrases(language: str) -> dict[str, str]:
    with override(language):
        return {event: phrase for events in events_known().values() for event, phrase in events.items()}


def test_every_event_that_is_recorded_has_a_phrase_and_no_phrase_is_left_over() -> None:
    names = {name for module in modules() for name in recorded(module)}
    assert len(names) > 150
    assert sorted(names ^ phrases("en").keys()) == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_two_events_read_alike(language: str) -> None:
    said = list(phrases(language).values())
    assert sorted({phrase for phrase in said if said.count(phrase) > 1}) == []


def test_a_thing_is_a_table_or_named_where_it_is_recorded() -> None:
    named = {
        given.partition(":")[0]
        for module in modules()
        for call in ast.walk(module)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "subject"
        for part in ast.walk(keyword.value)
        if isinstance(part, ast.Constant) and isinstance(given := part.value, str) and ":" in given
    }
    assert {"audit", "hoster_page"} <= named
    assert sorted(named - things_known()) == []
    tables = {model._meta.label_lower for model in apps.get_models()}
    assert sorted(things_known() - named - tables) == []


def test_an_event_is_registered_once() -> None:
    with pytest.raises(ValueError, match=r"registered twice: audit\.exported"):
        register_events("Elsewhere", {"audit.exported": "Something else"})
    with pytest.raises(ValueError, match="registered twice: audit"):
        register_things({"audit": "Something else"})


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('audit.record("a.one", subject=x, actor=y)', ["a.one"]),
        ('audit.record_many("a.many", subjects=x)', ["a.many"]),
        ('states.move(row, to, event="a.moved")', ["a.moved"]),
        ('which = "a.yes" if x else "a.no"\naudit.record(which)', ["a.yes", "a.no"]),
        ('def _move(row, event): states.move(row, event=event)\n_move(row, "a.through")', ["a.through"]),
        (
            "from mamori.engine.transparency import openings\naudit.record(openings.EVENT)",
            ["openness.edition_committed"],
        ),
        ('states.move(row, to, event=f"takedown.removal_{to}")', [f"takedown.removal_{to}" for _, to in REMOVAL.moves]),
    ],
)
def test_the_walk_finds_the_events_of(code: str, names: list[str]) -> None:
    assert list(recorded(ast.parse(code))) == names


@pytest.mark.parametrize("code", ["audit.record(name_of(x))", 'audit.record(f"unknown.{to}")'])
def test_the_walk_refuses_what_it_cannot_tell(code: str) -> None:
    with pytest.raises(LookupError):
        list(recorded(ast.parse(code)))
