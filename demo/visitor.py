"""A person at a browser without JavaScript: opens pages, fills in forms, presses buttons. Nothing but HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from demo.people import PASSWORD, Person
from demo.processes import WorldError


@dataclass
class Form:
    """A form as found in a page: where it goes, and the values its fields have."""

    action: str
    method: str
    values: dict[str, list[str]]
    options: dict[str, list[str]] = field(default_factory=dict)
    ident: str = ""


class _Reader(HTMLParser):
    """Finds the forms of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._area_text = ""
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {k: v or "" for k, v in attrs}
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
        if tag == "main":
            self.forms.clear()  # what stands above the page's own content: language, log-out
        if tag == "form":
            self._form = Form(a.get("action", ""), a.get("method", "get").lower(), {}, {}, a.get("id", ""))
            self.forms.append(self._form)
        if self._form is None or "disabled" in a:
            return
        name = a.get("name", "")
        if tag == "input" and name:
            kind = a.get("type", "text")
            if kind in {"checkbox", "radio"}:
                self._form.options.setdefault(name, []).append(a.get("value", "on"))
                if "checked" in a:
                    self._form.values.setdefault(name, []).append(a.get("value", "on"))
            elif kind not in {"submit", "button", "file", "image"}:
                self._form.values.setdefault(name, []).append(a.get("value", ""))
        elif tag == "button" and name:
            self._form.options.setdefault(name, []).append(a.get("value", ""))
        elif tag == "textarea" and name:
            self._area, self._area_text = name, ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            self._form.options.setdefault(self._select, []).append(a.get("value", ""))
            if "selected" in a:
                self._form.values.setdefault(self._select, []).append(a.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._area and self._form:
            self._form.values.setdefault(self._area, []).append(self._area_text.lstrip("\n"))
            self._area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area_text += data
        elif data.strip():
            self.text.append(data.strip())


@dataclass
class Page:
    """An answer: status, address after redirects, HTML and what was found in it."""

    status: int
    url: str
    body: str

    def __post_init__(self) -> None:
        reader = _Reader()
        reader.feed(self.body)
        self.forms, self.links, self.text = reader.forms, reader.links, " ".join(reader.text)

    def form(self, having: str) -> Form:
        """The form that has a field or button of this name, or goes to a path ending so."""
        for form in self.forms:
            if having in form.values or having in form.options or form.ident == having:
                return form
        for form in self.forms:
            if urlsplit(form.action).path.endswith(having):
                return form
        raise WorldError(f"{urlsplit(self.url).path} ({self.status}) has no form with {having!r}: {self.text[:300]}")


class Visitor:
    """One browser session with one face."""

    def __init__(self, base: str, *, host: str | None = None) -> None:
        self.base = base
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=60)
        self.cookies: dict[str, str] = {}
        self._host = host

    def get(self, path: str, **headers: str) -> Page:
        return self._request("GET", urljoin(self.base, path), None, headers)

    def post(self, page: Page, form: Form, given: Mapping[str, str | list[str]]) -> Page:
        """Fill in `given`, leave the other fields as the page had them, send."""
        values = dict(form.values)
        for name, value in given.items():
            values[name] = value if isinstance(value, list) else [value]
        target = urljoin(page.url, form.action or page.url)
        answer = self._request("POST", target, urlencode(values, doseq=True), {"Referer": page.url})
        if answer.status >= 400:
            raise WorldError(f"POST {urlsplit(target).path} answered {answer.status}: {answer.text[:400]}")
        return answer

    def submit(self, path: str, having: str, given: Mapping[str, str | list[str]]) -> Page:
        """Open a page, fill in its form that has `having`, send it."""
        page = self.get(path)
        if page.status >= 400:
            raise WorldError(f"GET {path} answered {page.status}: {page.text[:300]}")
        return self.post(page, page.form(having), given)

    def wait_turn(self, page: Page) -> Page:
        """Stand in the short queue of a public form until what was sent is taken."""
        while "ticket" in {name for form in page.forms for name in form.values}:
            time.sleep(0.5)
            page = self.post(page, page.form("ticket"), {})
        return page

    def log_in(self, person: Person) -> None:
        """Password, then the code of the authenticator app. A code works once: wait for the next when it was used."""
        page = self.submit("/account/login/", "login", {"login": person.email, "password": PASSWORD})
        for _attempt in range(4):
            if "/2fa/authenticate" not in page.url:
                return
            page = self.post(page, page.form("code"), {"code": person.code(time.time())})
            if "/2fa/authenticate" in page.url:
                time.sleep(30 - time.time() % 30 + 0.2)
        raise WorldError(f"{person.email} cannot log in: {page.text[:300]}")

    def _request(self, method: str, url: str, body: str | None, headers: Mapping[str, str]) -> Page:
        for _hop in range(8):
            sent = {"Accept-Language": "en", **headers}
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
            if self._host:
                sent["Host"] = self._host
            if body is not None:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
            try:
                answer = self._pool.request(method, url, body=body, headers=sent, redirect=False)
            except urllib3.exceptions.HTTPError as error:
                raise WorldError(f"{method} {urlsplit(url).path} got no answer: {type(error).__name__}") from error
            for line in answer.headers.getlist("Set-Cookie"):
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.value
            if answer.status not in {301, 302, 303, 307, 308}:
                return Page(answer.status, url, answer.data.decode(errors="replace"))
            url = urljoin(url, answer.headers["Location"])
            if answer.status in {301, 302, 303}:
                method, body = "GET", None
        raise WorldError(f"{url}: redirects without end")
