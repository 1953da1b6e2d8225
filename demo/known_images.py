"""A known image, from the bank to a report: two analysts confirm a drawing, a provider scans, a person agrees, one call.

The provider's side runs `mamori scan` as after `pip install mamori`: with a token of the partner API and nothing else of
ours. The pictures are drawings made here; the one in the bank stands for what it is meant for.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import secrets
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
import urllib3
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

from demo.people import person
from demo.platform import Platform
from demo.processes import TOOLS, WorldError, wait_until
from demo.visitor import Page, Visitor
from demo.watching import Telling
from demo.world import World
from mamori.engine.images import fingerprint

PURPOSE = "known images among stored files (demo)"
OTHERS = 11
FILE, LAST = "known_images.json", "report.seen"


@dataclass(frozen=True)
class Step:
    """`seconds`: real ones since the step before."""

    name: str
    seconds: float
    detail: str


class KnownImages:
    """Runs every step once. `visitors`: people who are logged in already."""

    def __init__(self, platform: Platform, world: World, console: Console, visitors: dict[str, Visitor]) -> None:
        self.platform, self.world, self.console, self.visitors = platform, world, console, visitors
        self.telling = Telling(console)
        self.steps: list[Step] = []
        self.mark = secrets.token_hex(3)
        self.folder = platform.base / "provider"
        self._last = time.monotonic()
        self._http = urllib3.PoolManager(retries=False, timeout=30)

    def run(self) -> None:
        """All steps in their order; what was reached is written in any case."""
        with self.telling:
            self._steps()

    def _steps(self) -> None:
        try:
            self.telling.doing("the index of known images is made ready")
            self.platform.wait_for_index()
            self.telling.doing("a known image becomes a report")
            original = self._draw()
            token = self._provider()
            before = self._status(token)["pictures"]
            entry = self._propose(original)
            self._confirm(entry)
            wait_until(lambda: self._status(token)["pictures"] > before, 60, "the entry is not in the index")
            self._reached("entry.in_index", "partners' look-ups meet it")
            line = self._scan(token)
            address = f"http://photos-{self.mark}.example/album/{Path(line['path']).name}"
            self.world.host([address])
            self._report(token, address)
            self._seen_by_analyst(int(line["entry"]))
        finally:
            told = json.dumps({"steps": [asdict(step) for step in self.steps]}, ensure_ascii=False, indent=1)
            (self.platform.base / FILE).write_text(told)

    @staticmethod
    def ran_in(base: Path) -> bool:
        """Whether an earlier run reached the last step."""
        try:
            steps = json.loads((base / FILE).read_text())["steps"]
        except (OSError, ValueError, KeyError):
            return False
        return bool(steps) and steps[-1]["name"] == LAST

    def show(self) -> None:
        table = Table("step", "seconds", "detail", title="A known image becomes a report")
        for step in self.steps:
            table.add_row(step.name, f"{step.seconds:.3f}", step.detail)
        self.console.print(table)

    # --- steps ----------------------------------------------------------------------------------------------------

    def _draw(self) -> bytes:
        """The provider's folder: other drawings, and a smaller copy of the one that will be in the bank."""
        folder = self.folder / self.mark
        folder.mkdir(parents=True)
        for number in range(OTHERS):
            (folder / f"{number:02}.jpg").write_bytes(_encoded(_drawing(f"{self.mark} {number}"), 90))
        original = _drawing(self.mark)
        (folder / f"{OTHERS:02}.jpg").write_bytes(_encoded(original.resize((480, 360)), 70))
        return _encoded(original, 92)

    def _provider(self) -> str:
        """The operator takes a provider in and gives it a token."""
        operator, name = self._member("honda"), f"Demo Photo Service {self.mark}"
        operator.submit("/people/organisations/new/", "name", {"name": name, "kind": "provider"})
        page = operator.get("/people/tokens/new/")
        found = re.search(rf'<option value="([^"]+)"[^>]*>\s*{re.escape(name)}', page.body)
        if not found:
            raise WorldError(f"the new provider cannot be given a token: {page.text[:300]}")
        scopes = ["images.match", "reports.write"]
        given: dict[str, str | list[str]] = {"organisation": found[1], "title": "scan", "scopes": scopes}
        page = operator.post(page, page.form("organisation"), given)
        secret = re.search(r"mamori_[A-Za-z0-9_-]{16,}", page.body)
        if not secret:
            raise WorldError(f"no token was shown: {page.text[:300]}")
        self._reached("provider.token", f"{name}: {', '.join(scopes)}")
        return secret[0]

    def _propose(self, original: bytes) -> str:
        """A senior analyst names the source, an analyst adds the drawing's fingerprints. Returns the entry's page."""
        code = f"drawings-{self.mark}"
        page = self._member("chiba").get("/bank/sources/")
        form = page.form("code")
        kind = form.options["kind"][0]
        given: dict[str, str | list[str]] = {"code": code, "name": f"Drawings {self.mark}", "kind": kind}
        self._member("chiba").post(page, form, {**given, "shared_with_partners": "on"})
        seen = fingerprint(original)
        if seen.pdq is None:
            raise WorldError("the drawing has no PDQ")
        typed = f"pdq {seen.pdq.hex()},{seen.pdq_quality}\n{seen.md5.hex()}\n{seen.sha1.hex()}\n"
        analyst = self._member("baba")
        page = analyst.submit("/bank/add/", "typed", {"source": code, "kind": "image", "typed": typed})
        place = re.search(r"/bank/entry/[0-9a-f-]{36}/", page.url)
        if not place:
            raise WorldError(f"the entry was not taken: {page.text[:600]}")
        self._reached("entry.proposed", "an analyst adds the fingerprints of a drawing; no picture is kept")
        return place[0]

    def _confirm(self, entry: str) -> None:
        page = self._member("chiba").get(entry)
        page = self._member("chiba").post(page, page.form(f"{entry}confirm/"), {})
        share = next((form for form in page.forms if form.action.endswith(f"{entry}share/")), None)
        if share:
            self._member("chiba").post(page, share, {})
        self._reached("entry.confirmed", "a second analyst agrees; it is shared with partners")

    def _scan(self, token: str) -> dict[str, Any]:
        """The provider's command. Returns the one match."""
        out = self.folder / f"{self.mark}.jsonl"
        partner = self.platform.url("partner")
        stated = ["--data-class", "stored", "--purpose", PURPOSE]
        told = self._tool(token, "scan", str(self.folder / self.mark), "--bank", partner, "--out", str(out), *stated,
                          "--workers", "1", "--summary", "-")  # fmt: skip
        summary = json.loads(told)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        if summary["examined"] != OTHERS + 1 or [line["match"] for line in lines] != ["similar"]:
            raise WorldError(f"the scan found {lines} in {summary}")
        self._reached(
            "scan.matched",
            f"{summary['examined']} examined, 1 similar to entry {lines[0]['entry']} ({lines[0]['distance']} bits)",
        )
        found: dict[str, Any] = lines[0]
        return found

    def _report(self, token: str, address: str) -> None:
        """Without a person's word it is refused; with it one call makes the report."""
        out = str(self.folder / f"{self.mark}.jsonl")
        call = ["scan", "report", out, "1", "--api", self.platform.url("partner"), "--address", address]
        refused = self._run(token, *call)
        if refused.returncode != 2 or "--confirmed-by-person" not in refused.stderr:
            raise WorldError(f"a similar match was reported without a person: {refused.stdout}{refused.stderr}")
        self._tool(token, *call, "--confirmed-by-person")
        self._reached("match.reported", f"confirmed by a person of the provider; {address}")

    def _seen_by_analyst(self, entry: int) -> None:
        """Analysts find it in their queue with the entry's number, and see that it is a drawing."""
        while True:
            first = self._next("aoki")
            sealed = next(form for form in first.forms if form.action.endswith("/text/"))
            told = self._member("aoki").post(first, sealed, {})
            words = told.text.rpartition("Sealed text ")[2].partition(" That you read")[0]
            if re.search(rf"\b{entry}\b", words):
                break
            if not re.search(r"photos-[0-9a-f]{6}\[\.\]example/album/", first.text):
                raise WorldError(f"the analyst does not read of entry {entry}: {told.text[:1500]}")
            self._judge_both(first)  # of a run that was broken off
        self._reached(LAST, f"the analyst reads: {words}")
        self._judge_both(first)

    # --- small tools ----------------------------------------------------------------------------------------------

    def _judge_both(self, item: Page) -> None:
        self._judge("aoki", item)
        if self._waits_for_second(item):  # a dismissal may be drawn for that
            self._judge("baba", self._next("baba"))

    def _judge(self, login: str, page: Page) -> None:
        given: dict[str, str | list[str]] = {"verdict": "NOT_ILLEGAL", "note": "A drawing of the demo."}
        self._member(login).post(page, page.form("verdict"), given)

    def _waits_for_second(self, item: Page) -> bool:
        content = item.url.rstrip("/").split("/")[-2]
        with psycopg.connect(self.platform.postgres.owner_dsn(), autocommit=True) as connection:
            row = connection.execute("SELECT state FROM assessment_contentitem WHERE id = %s", [content]).fetchone()
        return row == ("second_opinion",)

    def _next(self, login: str) -> Page:
        end = time.monotonic() + 120
        while (page := self._try_next(login)) is None:
            if time.monotonic() > end:
                raise WorldError("the provider's report did not come to the analysts within two minutes")
            time.sleep(0.5)
        return page

    def _try_next(self, login: str) -> Page | None:
        desk = self._member(login).get("/queue/")
        if open_item := re.search(r'class="button" href="(/contents/[0-9a-f-]{36}/assess/)"', desk.body):
            item = self._member(login).get(open_item[1])  # a run that was broken off left it open: it goes back
            self._member(login).post(item, item.form("/release/"), {})
            desk = self._member(login).get("/queue/")
        page = self._member(login).post(desk, desk.form("/queue/next/"), {})
        return page if page.url.rstrip("/").endswith("assess") else None

    def _status(self, token: str) -> dict[str, Any]:
        answer = self._http.request(
            "GET", f"{self.platform.url('partner')}/api/v1/match/status", headers={"Authorization": f"Bearer {token}"}
        )
        if answer.status != 200:
            raise WorldError(f"the index tells no status: {answer.status} {answer.data[:300]!r}")
        told: dict[str, Any] = answer.json()
        return told

    def _tool(self, token: str, *arguments: str) -> str:
        done = self._run(token, *arguments)
        if done.returncode:
            raise WorldError(f"mamori {' '.join(arguments[:2])} failed: {done.stderr.strip()[-1500:]}")
        return done.stdout

    def _run(self, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return subprocess.run(
            [*TOOLS, *arguments],
            env={**kept, "MAMORI_TOKEN": token},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def _member(self, login: str) -> Visitor:
        if login not in self.visitors:
            self.visitors[login] = Visitor(self.platform.url("staff"))
            self.visitors[login].log_in(person(login))
        return self.visitors[login]

    def _reached(self, name: str, detail: str) -> None:
        now = time.monotonic()
        self.steps.append(Step(name, round(now - self._last, 3), detail))
        self._last = now
        self.telling.say(f"  {name}: {detail}")


def _drawing(seed: str) -> Image.Image:
    """Ellipses in colours: the same seed gives the same drawing."""
    dice = random.Random(seed)
    image = Image.new("RGB", (800, 600), tuple(dice.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, width, height = dice.randrange(750), dice.randrange(550), dice.randrange(40, 300), dice.randrange(40, 260)
        draw.ellipse([x, y, x + width, y + height], fill=tuple(dice.randrange(256) for _ in range(3)))
    return image


def _encoded(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
