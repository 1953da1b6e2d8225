"""Every component together, as markup and in a real browser."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils.translation import override

import mamori.ground.ui
from mamori.ground.accounts.models import User
from mamori.site.messages import compile_all
from tests.ground import gallery

ROOM = Path(mamori.ground.ui.__file__).parent


@pytest.fixture
def members(db: None, settings: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    for number, name in enumerate(["Aoki", "=HYPERLINK(1)", "Chiba", "Doi", "Endo", "Fujita", "Goto"]):
        User.objects.create(
            email=f"{'m' * number}{name.strip('=()').lower()}@staff.example",
            name=name,
            is_active=number != 2,
            created_at=gallery.NOW - timedelta(days=number),
        )


def page(language: str, query: dict | None = None) -> str:
    with override(language):
        return render_to_string("ui/gallery.html", gallery.context(User.objects.all(), query))


def standing_alone(html: str) -> str:
    """The page with its stylesheet written into it, for a browser without a server."""
    css = (ROOM / "static/mamori/mamori.css").read_text()
    html = re.sub(r'<link rel="stylesheet"[^>]*>', f"<style>{css}</style>", html)
    return re.sub(r"<link rel=\"icon\"[^>]*>|<script[^>]*></script>", "", html)


def test_no_style_or_script_stands_in_the_markup(members: None) -> None:
    for language in ("ja", "en"):
        html = page(language)
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", html)
        assert all(tag.startswith("<script src=") for tag in re.findall(r"<script[^>]*>", html))


def test_every_id_is_unique_and_every_reference_has_its_target(members: None) -> None:
    html = page("en")
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    told = {name for group in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html) for name in group.split()}
    linked = set(re.findall(r'href="#([^"]+)"', html))
    assert told | linked <= set(ids)


def test_an_address_is_defanged_and_never_a_link(members: None) -> None:
    html = page("en")
    assert "hxxps://forum[.]harbour[.]example" in html
    assert gallery.URL not in html
    assert "<a" not in "".join(re.findall(r'<bdi class="address".*?</bdi>', html))


def test_every_string_of_the_room_is_in_japanese() -> None:
    compile_all(ROOM)
    po = (ROOM / "locale/ja/LC_MESSAGES/django.po").read_text()
    for template in ROOM.rglob("*.html"):
        for text in re.findall(r"{% translate ['\"](.*?)['\"]", template.read_text()):
            assert f'msgid "{text}"\nmsgstr "' in po and f'msgid "{text}"\nmsgstr ""' not in po, text


def test_the_stylesheet_stays_under_its_weight() -> None:
    assert (ROOM / "static/mamori/mamori.css").stat().st_size < 20_000


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_axe_finds_nothing_and_nothing_overflows(
    members: None, scheme: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    pages = {"rows": page(language), "wrong": page(language, {"active": "7", "made_from": "yesterday", "sort": "no"})}
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        for name, html in pages.items():
            (tmp_path / f"{name}.html").write_text(standing_alone(html))
            for width in (1280, 320):
                tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                tab.goto((tmp_path / f"{name}.html").as_uri())
                found = Axe().run(tab, options={"rules": {"target-size": {"enabled": True}}})
                assert found.violations_count == 0, found.generate_report()
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                tab.close()
        browser.close()
