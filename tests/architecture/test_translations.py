"""Everything a person reads is there in Japanese too."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

SOURCE = Path(__file__).resolve().parents[2] / "src" / "mamori"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "_text": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def messages(path: Path) -> Iterator[str]:
    text = path.read_text()
    if path.suffix == ".html" or path.suffix == ".txt":
        text = templatize(text, origin=str(path))
    for _line, found, _comments, _context in extract("python", io.BytesIO(text.encode()), KEYWORDS):
        yield found[0] if isinstance(found, tuple) else found


def translated() -> set[str]:
    done = set()
    for source in SOURCE.rglob("locale/ja/LC_MESSAGES/django.po"):
        with source.open("rb") as file:
            for message in read_po(file, locale="ja"):
                if message.id and message.string and not message.fuzzy:
                    done.add(message.id[0] if isinstance(message.id, tuple) else message.id)
    return done


def files() -> list[Path]:
    templates = [p for p in SOURCE.rglob("templates/**/*") if p.suffix in {".html", ".txt"}]
    return templates + [p for p in SOURCE.rglob("*.py") if "migrations" not in p.parts and "gettext" in p.read_text()]


@pytest.mark.parametrize("wing", sorted({p.relative_to(SOURCE).parts[:2] for p in files()}), ids="/".join)
def test_every_message_has_japanese(wing: tuple[str, ...]) -> None:
    done = translated()

    missing = sorted(
        {m for p in files() if p.relative_to(SOURCE).parts[:2] == wing for m in messages(p) if m and m not in done}
    )
    assert missing == []


def test_a_sentence_has_one_translation_in_all_rooms() -> None:
    """All rooms share one catalogue: of two translations one would win everywhere."""
    known: dict[tuple[str | None, object], dict[object, str]] = {}
    for source in SOURCE.rglob("locale/ja/LC_MESSAGES/django.po"):
        with source.open("rb") as file:
            for message in read_po(file, locale="ja"):
                if message.id:
                    words = known.setdefault((message.context, message.id), {})
                    words[message.string] = str(source.relative_to(SOURCE))
    assert {key: words for key, words in known.items() if len(words) > 1} == {}


def test_the_extractor_sees_templates_and_code(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        '{% load i18n %}<p>{% translate "Hello" %}{% blocktranslate %}Two {{ x }}{% endblocktranslate %}</p>'
    )
    code = tmp_path / "a.py"
    code.write_text('x = _("Three")')
    assert set(messages(page)) | set(messages(code)) == {"Hello", "Two %(x)s", "Three"}
