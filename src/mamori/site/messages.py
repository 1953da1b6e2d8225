"""Compile the translations (`.po` to `.mo`) of all rooms: `python -m mamori.site.messages`."""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_all(package: Path) -> int:
    """Compile every .po under `package` that changed. Returns how many were compiled.

    Each file appears whole or not at all: servers and other test runs may read it meanwhile.
    """
    done = 0
    for source in sorted(package.rglob("locale/*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        fresh = target.with_suffix(f".{os.getpid()}")
        with source.open("rb") as po, fresh.open("wb") as mo:
            write_mo(mo, read_po(po, locale=source.parts[-3], abort_invalid=True))
        fresh.replace(target)
        done += 1
    return done


if __name__ == "__main__":
    compile_all(Path(__file__).resolve().parent.parent)
