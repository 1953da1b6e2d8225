"""The page frames: public, staff, error, confirmation, letters."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils.translation import override

from mamori.ground.errors import DomainError
from mamori.ground.ui.parts import KeyValue, register_public_page


@pytest.fixture(autouse=True)
def english(settings: Any) -> Iterator[None]:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    with override("en"):
        yield


class AskForm(forms.Form):
    address = forms.CharField(label="Address", help_text="As the browser shows it.")
    kind = forms.ChoiceField(label="Kind", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    token = forms.CharField(widget=forms.HiddenInput, required=False)


def test_the_title_of_a_staff_page_is_its_heading() -> None:
    page = (
        '{% extends "ui/staff.html" %}{% block title %}Queue & more{% endblock %}{% block content %}here{% endblock %}'
    )
    html = Template(page).render(Context({}))
    assert "<title>Queue & more · " in html
    assert "<h1>Queue & more</h1>" in html


def test_a_page_with_a_wrong_form_says_so_in_its_title() -> None:
    page = (
        '{% extends "ui/public.html" %}{% block title %}Report{% endblock %}{% block content %}{{ form }}{% endblock %}'
    )
    assert "<title>Error: Report" in Template(page).render(Context({"form": AskForm({})}))
    assert "<title>Report" in Template(page).render(Context({"form": AskForm()}))


def test_each_error_leads_to_its_field_and_each_field_names_its_hint_and_error() -> None:
    html = str(AskForm({}, prefix="x"))
    for target in re.findall(r'<a href="#([^"]+)"', html):
        assert f'id="{target}"' in html
    assert 'aria-describedby="id_x-address_helptext id_x-address_error"' in html
    assert html.index('role="alert"') < html.index("<label")
    assert "error-summary" not in str(AskForm())
    assert str(AskForm()).count('type="hidden"') == 1


def test_a_refusal_is_shown_with_its_remedy_and_code() -> None:
    html = render_to_string(
        "ui/error.html", {"error": DomainError("too_late", "Too <late>.", remedy="Ask a colleague.")}
    )
    assert "<h1>Too &lt;late&gt;.</h1>" in html
    assert "Ask a colleague." in html
    assert "too_late" in html


def test_a_confirmation_shows_what_leaves_to_whom_and_asks_once() -> None:
    shown = {
        "title": "Send the notice",
        "leaving": [KeyValue("Address", "https://a.example/x", "address")],
        "recipients": ["abuse@a.example"],
        "confirm_label": "Send",
        "cancel_url": "/back",
    }
    html = render_to_string("ui/confirm.html", shown)
    form = html[html.index('<form class="confirm"') :].split("</form>")[0]
    assert "hxxps://a[.]example/x" in form
    assert "abuse@a.example" in form
    assert form.count("<button") == 1
    assert 'href="/back"' in form
    assert "Nothing will leave the house." in render_to_string("ui/confirm.html", {**shown, "leaving": []})


def test_a_public_page_keeps_the_way_out_without_javascript_and_sets_no_form() -> None:
    html = render_to_string("ui/public.html", {"quick_exit_url": "https://weather.example/"})
    assert re.search(
        r'<a class="button danger exit" id="quick-exit" rel="noreferrer noopener" href="https://weather.example/"', html
    )
    assert "csrfmiddlewaretoken" not in html


def test_a_page_this_face_does_not_have_stays_out_of_the_footer() -> None:
    register_public_page("no_such_page", "Nowhere", order=99)
    assert "Nowhere" not in render_to_string("ui/public.html", {})


def test_a_letter_is_plain_text_without_escapes() -> None:
    letter = Template('{% extends "ui/email/base.txt" %}{% block content %}A & B{% endblock %}').render(Context({}))
    assert letter.startswith("A & B\n\n-- \n")
    assert "no reported address" in letter
