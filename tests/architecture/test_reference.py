"""docs/reference says what the code says."""

from pathlib import Path

from mamori.site.reference import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_reference_is_current() -> None:
    stale = [
        name for name, text in pages().items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    assert stale == [], "run scripts/reference"
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


def test_the_reference_names_what_matters() -> None:
    made = pages()
    assert "| EntryActivated(entry_id) | listing |" in made["facts.md"]
    assert "| pending_activation | active | listing.activate | yes |" in made["states.md"]
    assert "| intake_oneuse | INSERT |" in made["tables.md"]
    assert "`reports.write`" in made["permissions.md"]
