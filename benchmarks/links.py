"""What a reader can press on a table's page: sorts, the second page, every choice of every filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode

MOST_PAIRS = 40  # filters with a sort, spread over all of them
LAST = 200  # the last page a table offers
# The busiest host of the generated records; a case that is none.
TEXTS = {"host": "h0.example", "content": "00000000-0000-4000-8000-000000000000"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.filters: list[tuple[str, str]] = []
        self._in_form = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "a" and given.get("href", "").startswith("?") and len(given["href"]) > 1:
            self.links.append(given["href"])
        elif tag == "form":
            self._in_form = given.get("method", "get").lower() == "get"
        elif self._in_form and tag == "select":
            self._select = name
        elif self._in_form and tag == "option" and self._select and given.get("value"):
            self.filters.append((self._select, given["value"]))
        elif self._in_form and tag == "input" and name:
            kind = given.get("type", "text")
            if kind == "date":
                ago = 30 if name.endswith("_from") else 10
                self.filters.append((name, f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"))
            elif kind == "text":
                self.filters.append((name, TEXTS.get(name.rpartition("-")[2], "site.example")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False
        elif tag == "select":
            self._select = ""


def variants(body: str) -> dict[str, str]:
    """Query strings of the page: every link, every sort's last page, every choice of every filter, none left out; and
    MOST_PAIRS of the filters with a sort, spread evenly. Exports are no pages.
    """
    reader = _Reader()
    reader.feed(body)
    links = [link[1:] for link in reader.links if "export=" not in link]
    sorts = [pair for link in links for pair in parse_qsl(link) if pair[0].endswith("sort")]
    found = links + [urlencode([pair]) for pair in reader.filters]
    found += [f"{link}&{_page(link)}" for link in links if "sort=" in link and "page=" not in link]
    pairs = [urlencode([pair, order]) for pair in reader.filters for order in sorts]
    found += pairs[:: max(1, -(-len(pairs) // MOST_PAIRS))]
    return {query: f"?{query}" for query in dict.fromkeys(found)}


def _page(link: str) -> str:
    name = next(name for name, _value in parse_qsl(link) if name.endswith("sort"))
    return urlencode([(name.removesuffix("sort") + "page", LAST)])
