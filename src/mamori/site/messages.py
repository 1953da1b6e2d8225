"""Compile the translations (`.po` to `.mo`) of all rooms: `python -m mamori.site.messages`."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_all(package: Path) -> int:
    """Compile every .po under `package`. Returns how many were compiled."""
    sources = sorted(package.rglob("locale/*/LC_MESSAGES/django.po"))
    for source in sources:
        with source.open("rb") as po, source.with_suffix(".mo").open("wb") as mo:
            write_mo(mo, read_po(po, locale=source.parts[-3], abort_invalid=True))
    return len(sources)


if __name__ == "__main__":
    compile_all(Path(__file__).resolve().parent.parent)
