"""The bank of a hotline, asked over its partner API; and a confirmed match as a report in one call."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from mamori.tools.scan.matches import Asked, Match, Share, files_of
from mamori.tools.scan.purpose import ScanError

TOKEN_VARIABLE = "MAMORI_TOKEN"  # noqa: S105 - the name of it
MOST = 10_000  # fingerprints in one request
TRIES = 8  # of one request; the waits between grow from one second to a minute
AGAIN = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 3600.0  # that a server may ask for
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
Say = Callable[[str], None]


def is_partner(bank: str) -> bool:
    """Whether --bank names a partner API and not a file."""
    return bank.startswith(("https://", "http://"))


def read_token(file: Path | None, environment: dict[str, str]) -> str:
    """The token of a file or of MAMORI_TOKEN, which never stands on a command line. ScanError if there is none."""
    token = file.read_text().strip() if file else environment.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise ScanError(f"the partner API needs a token: in the environment variable {TOKEN_VARIABLE} or --token-file")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ScanError("the token holds characters that no token has")
    return token


class PartnerApi:
    """Requests with a token, tried again with growing waits. `say`: called with why it waits."""

    def __init__(self, url: str, token: str, *, ca: Path | None = None, say: Say = lambda _words: None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise ScanError("the partner API is asked over https:// only")
        if not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ScanError(f"{url} is not the address of a partner API")
        path = parts.path.rstrip("/")
        self.base = f"{parts.scheme}://{parts.netloc}{path.removesuffix('/api/v1')}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(ca_certs=str(ca) if ca else None, retries=False)
        self._say = say

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        """The answer, decoded. ScanError with what the server says when it refuses, or when it stays away."""
        wait = 1.0
        for number in range(1, TRIES + 1):
            try:
                answer = self._pool.request(
                    "POST",
                    f"{self.base}{path}",
                    body=body,
                    headers={**self._headers, **(headers or {})},
                    timeout=urllib3.Timeout(connect=10, read=120),
                    redirect=False,
                )
            except urllib3.exceptions.HTTPError as error:
                why, asked = f"no answer ({type(error).__name__})", 0.0
            else:
                if answer.status in {200, 201}:
                    return _decoded(answer.data)
                why = f"{answer.status} {_words(answer.data)}".strip()
                if answer.status not in AGAIN:
                    raise ScanError(f"the partner API refuses: {why}")
                asked = _seconds(answer.headers.get("Retry-After", ""))
            if number < TRIES:
                pause = max(wait, asked)
                self._say(f"the partner API: {why}; again in {pause:.0f} s")
                time.sleep(pause)
                wait = min(60.0, wait * 2)
        raise ScanError(f"the partner API does not answer after {TRIES} tries: {why}; run the same command again later")

    def get(self, path: str, *, read: float = 120) -> urllib3.BaseHTTPResponse:
        """The open answer to one request, asked once; urllib3.exceptions.HTTPError without one. Close it.

        `read`: seconds without an octet that are waited for.
        """
        return self._pool.request(
            "GET",
            f"{self.base}{path}",
            headers={**self._headers, "Accept-Encoding": "identity"},
            timeout=urllib3.Timeout(connect=10, read=read),
            redirect=False,
            preload_content=False,
        )


class PartnerBank:
    """Looks fingerprints up in batches; nothing is downloaded."""

    def __init__(self, api: PartnerApi) -> None:
        self._api = api

    def identity(self) -> str:
        return self._api.base

    def name(self) -> str:
        return self._api.base

    def describe(self) -> str:
        return self._api.base

    def look_up(self, asked: Sequence[Asked]) -> list[list[Match]]:
        matches: list[list[Match]] = [[] for _each in asked]
        batch: list[int] = []
        size = 0
        weights = [(one.pdq is not None) + len(one.digests) for one in asked]
        for places in files_of(asked):
            whole = sum(weights[n] for n in places)
            for n in places:
                # A file is asked about in one request, unless it alone is more than one may hold.
                if weights[n] and batch and (size + weights[n] > MOST or (n == places[0] and size + whole > MOST)):
                    self._batch(asked, batch, matches)
                    batch, size = [], 0
                if weights[n]:
                    batch.append(n)
                    size += weights[n]
        if batch:
            self._batch(asked, batch, matches)
        return matches

    def _batch(self, asked: Sequence[Asked], batch: list[int], matches: list[list[Match]]) -> None:
        items = [_item(asked[n]) for n in batch]
        if any(asked[n].frame for n in batch):  # the parts of one file share a number
            for item, file in zip(items, itertools.accumulate(not asked[n].frame for n in batch), strict=True):
                item["file"] = int(file)
        body = json.dumps({"items": items}).encode()
        answer = self._api.post("/match", body)
        try:
            if answer["items"] != len(batch):
                raise ValueError("another number of items")
            for result in answer["results"]:
                matches[batch[result["item"]]] = [_match(each) for each in result["matches"]]
            shares = {(row["file"], str(int(row["entry"]))): _share(row) for row in answer.get("files", [])}
            for n, item in zip(batch, items, strict=True):
                if asked[n].frame:
                    matches[n] = [replace(each, share=shares.get((item["file"], each.entry))) for each in matches[n]]
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ScanError(f"the partner API answers in another form than expected: {error}") from error


def report_match(
    api: PartnerApi,
    *,
    entry: int,
    kind: str,
    addresses: Sequence[str],
    by_person: bool,
    comment: str = "",
    digest: str = "",
) -> dict[str, Any]:
    """One call: what became of each address. The same report sent twice is stored once.

    `digest`: of the file, in hexadecimal digits, that the entry holds: it shows that the match is the same.
    """
    told = {
        "entry": entry,
        "match": kind,
        "confirmed_by_person": by_person,
        "addresses": [{"url": url, "comment": comment} for url in addresses],
        **({"digest": digest} if digest else {}),
    }
    body = json.dumps(told, sort_keys=True).encode()
    key = f"scan-{hashlib.sha256(body).hexdigest()[:40]}"
    answer = api.post("/matches/report", body, {"Idempotency-Key": key})
    if not isinstance(answer, dict):
        raise ScanError("the partner API answers in another form than expected")
    return answer


def _item(one: Asked) -> dict[str, Any]:
    item: dict[str, Any] = {name: value.hex() for name, value in one.digests.items()}
    if one.pdq is not None:
        item |= {"pdq": one.pdq.hex(), "pdq_quality": one.quality}
    return item


def _match(told: dict[str, Any]) -> Match:
    doubts = tuple(name for name in ("disputed", "harmless") if told.get(name))
    distance = told["distance"]
    if told["kind"] not in {"same", "similar"}:
        raise ValueError("a match is neither same nor similar")
    return Match(
        str(int(told["entry"])),
        told["kind"],
        None if distance is None else int(distance),
        tuple(map(str, told["algorithms"])),
        str(told["classification"]),
        str(told["source"]),
        doubts,
    )


def _share(told: dict[str, Any]) -> Share | None:
    if told["known"] is None:
        return None
    return Share(float(told["percent"]), int(told["known"]), float(told["known_percent"]), told["match"] == "similar")


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise ScanError("the partner API's answer is no JSON: is this its address?") from error


def _words(data: bytes) -> str:
    try:
        told = json.loads(data)
        return " ".join(str(told[name]) for name in ("message", "remedy") if told.get(name))[:500]
    except (ValueError, TypeError, AttributeError, KeyError):
        return ""


def _seconds(text: str) -> float:
    return min(_LONGEST_WAIT, float(text)) if text.isdigit() else 0.0
