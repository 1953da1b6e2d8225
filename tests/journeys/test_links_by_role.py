"""No page of the staff face offers a member a link that refuses them or fails."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
from django.test import Client

from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from tests.journeys.page_world import objects
from tests.journeys.test_every_page_by_role import PAGES, address

LINK = re.compile(r"<a [^>]*?href=\"([^\"]+)\"")


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_every_link_a_member_is_offered_opens(
    role: Role, person: Callable[..., User], browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    known = objects(person)
    browser = browser_of(person(role))
    browser.raise_request_exception = False
    pages = [page for page in PAGES.items() if role in page[1].roles and not page[1].post]
    waiting = [(address(name, known), name) for name, _page in pages]
    seen, wrong = {url for url, _name in waiting}, []
    while waiting:
        url, offered_by = waiting.pop()
        answer = browser.get(url)
        body = b"".join(answer) if answer.streaming else answer.content
        if answer.status_code >= 400:
            wrong.append(f"{answer.status_code} {url} offered by {offered_by}")
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        for href in LINK.findall(body.decode()):
            link = urljoin(url, unescape(href)).partition("#")[0]
            if link.startswith("/") and not link.startswith("/account/") and link not in seen:
                seen.add(link)
                waiting.append((link, url))
    assert not wrong, "\n".join(wrong)
