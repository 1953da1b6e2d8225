"""An address that leads nowhere is answered by the one page of refusals, in the reader's language, on both faces."""

from typing import Any

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("face", "path", "language", "word"),
    [
        ("public", "/ja/no-such-page/", "ja", "最初のページへ"),
        ("public", "/en/no-such-page/", "en", "To the first page"),
        ("staff", "/no-such-page/", "en", "To the first page"),
    ],
)
def test_the_page_of_refusals(settings: Any, face: str, path: str, language: str, word: str) -> None:
    settings.ROOT_URLCONF = f"mamori.site.urls_{face}"
    answer = Client(headers={"accept-language": language}).get(path)
    assert answer.status_code == 404
    page = answer.content.decode()
    assert f'<html lang="{language}"' in page
    assert word in page
    assert "<main" in page
