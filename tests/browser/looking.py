"""Walks all pages of a face that links lead to, and looks at each as a person and as axe does."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urljoin, urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from django.urls import resolve
from django.utils import translation
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, ViewportSize

WIDE = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
A4 = ViewportSize(width=718, height=1047)  # portrait, inside margins of a centimetre
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
    "preload": False,
}
ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)|(?<=/hoster/)[^/]+")
BLOCKED = 451  # the stop page says so
OF_ONE_KIND = 2  # pages of one kind that are opened: their states differ
# What the page is built of, without its words and numbers; equal neighbours count once.
SKELETON = """
root => {
  const of = (node) => {
    const kept = [...node.attributes]
      .filter((a) => !["id", "href", "for", "value", "name", "title", "d", "datetime", "action"].includes(a.name))
      .map((a) => ["class", "role", "type", "lang", "aria-sort", "aria-current"].includes(a.name) ? `${a.name}=${a.value}` : a.name);
    const inner = node.matches("svg, option") ? [] : [...node.children].map(of);
    const text = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) ? "t" : "";
    const once = node.matches("tbody, ul, ol, dl, select") ? [...new Set(inner)].sort() : inner;
    return `${node.localName}[${kept.sort()}]${text}(${once})`;
  };
  return root ? of(root) : "";
}
"""
SIDEWAYS = """
() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide + 1) return null;
  const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > wide + 1);
  return out.slice(0, 3).map((e) => `${e.localName}.${e.className}`).join(", ");
}
"""
# What paper cuts off on the right: nobody scrolls there.
CUT = """
() => [document.documentElement, ...document.querySelectorAll(".scroll")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1)
  .map((e) => `${e.localName}.${e.className} ${e.textContent.trim().slice(0, 40)}`)
  .join(", ")
"""


@dataclass
class Look:
    """What axe has judged already of a face in one language, at one width and in light or dark: each url by its name at
    least once, what is built the same only once. The width is looked at always: at 1280 px, on a phone and on paper."""

    face: Literal["staff", "public"]
    language: str
    view: ViewportSize
    scheme: Literal["light", "dark"]
    seen: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)

    def at(self, page: Page, name: str = "") -> list[str]:
        """Faults of the page that is open: language, width, axe, print.

        `name`: of a page that is no address's own: a refusal, or what a form is answered with.
        """
        where = urlsplit(page.url).path
        faults = []
        if page.get_attribute("html", "lang") != self.language:
            faults.append(f"{where}: not in {self.language}")
        parts: list[str] = page.evaluate(f"['main', '.desks'].map((s) => ({SKELETON})(document.querySelector(s)))")
        url = name or self.name_of(where)
        fresh = url not in self.judged or not self.seen.issuperset(parts)
        self.seen.update(parts)
        self.judged.add(url)
        if fresh:
            page.evaluate(AXE_SCRIPT)
        for view, name in ((WIDE, "1280 px"), (PHONE, "phone")):
            page.set_viewport_size(view)
            if wide := page.evaluate(SIDEWAYS):
                faults.append(f"{where}: scrolls sideways at {name}: {wide}")
            if fresh and view is self.view:
                faults += self._axe(page, f"{where} ({name}, {self.scheme})")
        page.set_viewport_size(A4)
        page.emulate_media(media="print")
        if cut := page.evaluate(CUT):
            faults.append(f"{where}: cut off in print: {cut}")
        page.emulate_media(media="screen")
        return faults

    def name_of(self, path: str) -> str:
        with translation.override(self.language):
            return resolve(path, f"mamori.site.urls_{self.face}").view_name

    def _axe(self, page: Page, where: str) -> list[str]:
        page.emulate_media(color_scheme=self.scheme)
        found = page.evaluate("options => axe.run(options).then(result => result.violations)", RULES)
        return [
            f"{where}: {fault['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for fault in found
            for node in fault["nodes"][:3]
        ]


@dataclass
class Walk:
    """A walk through one face in one window. `kinds`: addresses with their ids left out."""

    context: BrowserContext
    base: str
    look: Look
    faults: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)

    def through(self, *start: str) -> None:
        """Open up to OF_ONE_KIND pages of each kind. Every single link: tests/journeys/test_links_by_role.py."""
        page = self.context.new_page()
        page.on("console", lambda message: self._said(page, message))
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        waiting, known = list(start), set(start)
        while waiting:
            url = waiting.pop(0)
            if not self._opens(page, url):
                continue
            self.faults += self.look.at(page)
            offered = page.eval_on_selector_all("a[href]", "links => links.map(a => a.getAttribute('href'))")
            for href in offered:
                link = urljoin(page.url, href).partition("#")[0]
                if link.startswith(self.base) and link not in known:
                    known.add(link)
                    waiting.append(link)
        page.close()

    def _opens(self, page: Page, url: str) -> bool:
        """Whether the page is to be looked at. It must answer well."""
        parts = urlsplit(url)
        kind = ID.sub("<id>", parts.path) + ("?" if parts.query else "")
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.kinds[kind] > (1 if parts.query else OF_ONE_KIND):
            return False
        try:
            answer = page.goto(url)
        except Error as error:
            if "Download is starting" not in error.message:
                raise
            return False
        assert answer is not None
        self._answered(url, answer.status)
        return answer.status in {200, BLOCKED} and answer.headers.get("content-type", "").startswith("text/html")

    def _answered(self, url: str, status: int) -> None:
        if status >= 400 and status != BLOCKED:
            self.faults.append(f"{url}: {status}")

    def _said(self, page: Page, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and f"a status of {BLOCKED} " not in message.text:
            self.faults.append(f"{page.url}: {message.text}")
