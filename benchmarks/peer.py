"""The peer of `intake.py`: intake as a bare Starlette service on psycopg, without Django, rooms or templates.

The same verification (token, scope, idempotency; proof of work and its one use), canonical address, sealing, rows,
receipt code and reply key, audit row and job, in one transaction of the same PostgreSQL, as the same database role.
`uvicorn benchmarks.peer:app`, two of them; DATABASE_URL and the secrets as Mamori has them.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import altcha
from nacl.public import PrivateKey
from nacl.pwhash import argon2id
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from benchmarks.peer_rows import KEYS, REPORTS, SUBMISSIONS
from mamori.engine import seals
from mamori.engine.addresses import Address, AddressError, canonicalize
from mamori.engine.receipts import new_receipt_code, normalize_receipt_code, receipt_digest

SEAL = base64.b64decode(os.environ["MAMORI_SEAL_PUBLIC_KEY"])
TOKEN_PEPPER = os.environ.get("MAMORI_TOKEN_PEPPER", "").encode()
PEPPER = hashlib.sha256(os.environ.get("MAMORI_RECEIPT_PEPPER", "").encode()).digest()
POW = hashlib.sha256(os.environ.get("MAMORI_POW_KEY", "").encode()).digest()
JOB = (
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'mamori.job', 0, NULL, NULL, %s::jsonb, NULL)"
    "::procrastinate_job_to_defer_v1])"
)


def pow_key(use: str) -> bytes:
    """The keys of challenges, as the public face derives them."""
    return hashlib.blake2b(use.encode(), key=POW).digest()


def _hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


async def _insert(connection: AsyncConnection[Any], table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) == 1:
        marks = ", ".join(["%s"] * len(rows[0]))
        await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows[0])
        return
    async with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            await copy.write_row(row)


class Rows:
    """Rows of one transaction."""

    def __init__(self) -> None:
        self.keys: list[tuple[Any, ...]] = []
        self.submissions: list[tuple[Any, ...]] = []
        self.reports: list[tuple[Any, ...]] = []
        self.hour = _hour()

    def add(self, source: str, addresses: Sequence[Address], texts: dict[str, str], **more: Any) -> UUID:
        """One submission, its texts sealed under a data key of its own. Returns the last report's id."""
        submission, key, sealed = more.get("submission") or uuid4(), None, {}
        if texts := {name: text for name, text in texts.items() if text}:
            key, data_key = uuid4(), seals.new_data_key()
            self.keys.append((key, seals.wrap(data_key, SEAL)))
            sealed = {name: seals.seal(data_key, text, f"{key}:{name}".encode()) for name, text in texts.items()}
        organisation = more.get("organisation")
        self.submissions.append((
            *(submission, source, "", organisation, self.hour, more.get("locale", "")),
            *(more.get("receipt"), more.get("reply_key"), key, sealed.get("text"), sealed.get("contact")),
            *(Jsonb({}), False, False),
        ))  # fmt: skip
        for address in addresses:
            report = uuid4()
            self.reports.append((
                *(report, submission, source, organisation, more.get("external"), self.hour, address.url),
                *(address.digest, None, more.get("seen"), more.get("at_risk", False), "received", "", ""),
            ))  # fmt: skip
        return report

    async def write(self, connection: AsyncConnection[Any]) -> None:
        if self.keys:
            await _insert(connection, "sealed_datakey", KEYS, self.keys)
        await _insert(connection, "intake_submission", SUBMISSIONS, self.submissions)
        await _insert(connection, "intake_report", REPORTS, self.reports)


async def api(request: Request) -> Response:
    """`POST /api/v1/reports`."""
    body = await request.body()
    secret = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = request.headers.get("idempotency-key", "")
    digest = hashlib.sha256(body).digest()
    async with request.app.state.pool.connection() as connection:
        found = await connection.execute(
            "SELECT id, organisation_id, scopes FROM accounts_token WHERE digest = %s AND revoked_at IS NULL",
            [hmac.new(TOKEN_PEPPER, secret.encode(), hashlib.sha256).hexdigest()],
        )
        token = await found.fetchone()
        if token is None or "reports.write" not in token[2] or not key:
            return JSONResponse({"code": "forbidden"}, 403)
        rows, accepted, refused = Rows(), [], []
        for index, item in enumerate(json.loads(body)["reports"][:1000]):
            try:
                address = canonicalize(item["url"])
            except AddressError as error:
                refused.append({"index": index, "code": error.code, "message": str(error)})
                continue
            report = rows.add(
                *("api", [address], {"text": item.get("comment", "").strip()}),
                seen=date.fromisoformat(item["seen_at"][:10]) if item.get("seen_at") else None,
                at_risk=bool(item.get("child_at_risk")),
                external=item.get("external_id"),
                organisation=token[1],
            )
            accepted.append({"index": index, "report_id": str(report)})
        answer = {"accepted": accepted, "refused": refused}
        batch = uuid4()
        stored = await connection.execute(
            "INSERT INTO intake_apibatch (id, organisation_id, key, request_digest, answer, received_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [batch, token[1], key, digest, Jsonb(answer), datetime.now(UTC)],
        )
        if stored.rowcount == 0:
            return await _again(connection, token[1], key, digest)
        await rows.write(connection)
        await connection.execute(
            "INSERT INTO audit_event (at, event, actor_kind, actor_id, organisation_id, subject_type, subject_id, codes)"
            " VALUES (%s, 'intake.batch_received', 'partner', %s, %s, 'intake.apibatch', %s, %s)",
            [datetime.now(UTC), token[0], token[1], str(batch), Jsonb({"accepted": len(accepted)})],
        )
        job = {"name": "intake.screen_batch", "arguments": {"batch_id": str(batch)}}
        await connection.execute(JOB, [json.dumps(job)])
    return JSONResponse(answer, 201)


async def _again(connection: AsyncConnection[Any], organisation: UUID, key: str, digest: bytes) -> Response:
    found = await connection.execute(
        "SELECT request_digest, answer FROM intake_apibatch WHERE organisation_id = %s AND key = %s",
        [organisation, key],
    )
    before, answer = await found.fetchone() or (b"", None)
    same = hmac.compare_digest(bytes(before), digest)
    return JSONResponse(answer, 201) if same else JSONResponse({"code": "idempotency_key_reused"}, 409)


async def form(request: Request) -> Response:
    """The public form."""
    given = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    try:
        payload = altcha.Payload.from_base64(given["proof"])
        addresses = [canonicalize(line) for line in given["addresses"].splitlines() if line.strip()][:10]
    except (ValueError, KeyError, TypeError) as error:
        return HTMLResponse(f"<p>{error}</p>", 422)
    if (
        not addresses
        or not altcha.verify_solution(payload, pow_key("challenge"), hmac_key_secret=pow_key("solution")).verified
    ):
        return HTMLResponse("<p>refused</p>", 422)
    code, submission = new_receipt_code(), uuid4()
    secret = hashlib.blake2b(normalize_receipt_code(code).encode(), key=PEPPER).digest()
    reply = PrivateKey.from_seed(argon2id.kdf(32, secret, submission.bytes, opslimit=1, memlimit=8 * 2**20))
    rows = Rows()
    rows.add(
        *("public", addresses, {"text": given.get("text", ""), "contact": given.get("contact", "")}),
        seen=date.fromisoformat(given["seen_on"]) if given.get("seen_on") else None,
        submission=submission,
        locale="en",
        receipt=receipt_digest(code, PEPPER),
        reply_key=bytes(reply.public_key),
    )
    async with request.app.state.pool.connection() as connection:
        spent = await connection.execute(
            "INSERT INTO intake_oneuse (digest, expires_hour) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [
                hashlib.sha256(str(payload.challenge.signature).encode()).digest(),
                datetime.fromtimestamp(int(payload.challenge.parameters.expires_at or 0), UTC),
            ],
        )
        if spent.rowcount == 0:
            return HTMLResponse("<p>already sent</p>", 409)
        await rows.write(connection)
    return HTMLResponse(f"<!doctype html><title>Received</title><p>Your receipt: {code}</p>")


async def alive(_request: Request) -> Response:
    return Response("ok")


@contextlib.asynccontextmanager
async def _life(application: Starlette) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=8, max_size=8) as pool:
        application.state.pool = pool
        yield


app = Starlette(
    routes=[
        Route("/api/v1/reports", api, methods=["POST"]),
        Route("/en/report/", form, methods=["POST"]),
        Route("/alive", alive),
    ],
    lifespan=_life,
)
