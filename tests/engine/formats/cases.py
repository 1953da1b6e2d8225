"""Entries for lists of tests."""

from datetime import UTC, date, datetime

from mamori.engine.editions import ListEntry, Method
from mamori.engine.formats import FORMATS, Listing

SINCE, UNTIL = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC), date(2027, 2, 22)


def entry(target: str, method: Method | None = None, number: int = 1, reason: str = "too_slow") -> ListEntry:
    """An entry; a target with a scheme is a URL."""
    how: Method = method or ("url" if "://" in target else "dns")
    return ListEntry(f"entry-{number}", how, target, reason, SINCE, UNTIL)


def listing(*targets: str) -> Listing:
    return Listing.of(entry(target, number=number) for number, target in enumerate(targets, 1))


def text(name: str, *targets: str) -> str:
    """A format's file without its comments."""
    data = FORMATS[name].write(listing(*targets)).data.decode("utf-8", "surrogateescape")
    return "".join(line for line in data.splitlines(keepends=True) if line[0] not in "#!")


def left_out(name: str, *targets: str) -> dict[str, int]:
    return dict(FORMATS[name].write(listing(*targets)).left_out)
