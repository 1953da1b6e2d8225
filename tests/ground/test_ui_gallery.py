"""Every component together, as markup and in a real browser."""

import re
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils.translation import override
from playwright.sync_api import Browser, sync_playwright

import mamori.ground.ui
from mamori.ground.accounts.models import User
from mamori.site.messages import compile_all
from tests.ground import gallery

WRONG = {"active": "7", "made_from": "yesterday", "sort": "no"}
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
    with override(language):  # no request: what a face adds to every page is not of this room
        return render_to_string("ui/gallery.html", gallery.context(User.objects.all(), query))


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


def served(pages: dict[str, str]) -> ThreadingHTTPServer:
    """Pages by path with query, and the static files, under the strict policy of the settings."""
    policy = "; ".join(f"{name} {' '.join(of)}" for name, of in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            static = finders.find(self.path.removeprefix("/static/")) if self.path.startswith("/static/") else None
            body = Path(static).read_bytes() if static else pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            kind = guess_type(self.path)[0] if static else "text/html"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def site(members: None) -> Iterator[str]:
    pages = {f"/{language}": page(language) for language in ("ja", "en")}
    pages |= {f"/{language}/wrong": page(language, WRONG) for language in ("ja", "en")}
    pages |= {"/en?sort=-name": page("en", {"sort": "-name"}), "/weather": "<title>Weather</title>"}
    public = Template(
        '{% extends "ui/public.html" %}{% block title %}Page{% endblock %}{% block content %}<h1>Page</h1>{% endblock %}'
    )
    pages |= {"/before": "<title>Before</title>", "/public": public.render(Context({"quick_exit_url": "/weather"}))}
    server = served(pages)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(site: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*flags, "--disable-component-update", "--disable-sync"]
        )
        yield chromium
        chromium.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(site: str, browser: Browser, scheme: Any) -> None:
    for path, width in [("/ja", 1280), ("/en", 320), ("/ja/wrong", 320), ("/en/wrong", 1280), ("/public", 320)]:
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.goto(site + path)
        found = Axe().run(tab, options={"rules": {"target-size": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.close()


@pytest.mark.browser
def test_keys_move_rows_click_and_help_and_can_be_switched_off(site: str, browser: Browser) -> None:
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(f"{site}/en")

    def at() -> str:
        return str(tab.evaluate("document.activeElement.textContent"))

    tab.keyboard.press("j")
    assert at() == "=HYPERLINK(1)"
    tab.keyboard.press("j")
    assert at() == "Aoki"
    tab.keyboard.press("k")
    assert at() == "=HYPERLINK(1)"
    tab.fill("#table-name", "")
    tab.keyboard.type("jk?c")
    assert tab.input_value("#table-name") == "jk?c"
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("?")
    assert "Confirm" in tab.inner_text("#keys")
    tab.uncheck("#keys-on")
    tab.click("#keys form button")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("j")
    assert at() != "=HYPERLINK(1)"
    assert complaints == []


@pytest.mark.browser
def test_a_sort_swaps_only_the_table_and_keeps_the_focus(site: str, browser: Browser) -> None:
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(f"{site}/en")
    tab.evaluate("window.same = true")
    tab.focus("#table-by-name")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("th[aria-sort=descending]")
    assert tab.inner_text("tbody tr:first-child td:first-child") == "Goto"
    assert tab.evaluate("window.same") is True
    assert tab.url.endswith("/en?sort=-name")
    assert tab.evaluate("document.activeElement.id") == "table-by-name"
    assert complaints == []


@pytest.mark.browser
def test_the_table_sorts_without_javascript_too(site: str, browser: Browser) -> None:
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(f"{site}/en")
    tab.click("#table-by-name")
    assert tab.inner_text("tbody tr:first-child td:first-child") == "Goto"


@pytest.mark.browser
@pytest.mark.parametrize("how", ["click", "escape"])
def test_leaving_at_once_leaves_no_way_back(site: str, browser: Browser, how: str) -> None:
    tab = browser.new_page()
    tab.goto(f"{site}/before")
    tab.goto(f"{site}/public")
    if how == "click":
        tab.click("#quick-exit")
    else:
        for _press in range(3):
            tab.keyboard.press("Escape")
    tab.wait_for_url("**/weather")
    tab.go_back()
    assert tab.title() == "Before"
