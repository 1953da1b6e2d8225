"""The gate before the public form: a proof of work when JavaScript is on, a short wait and then a place when it is off.

Both are signed by us, work once, and tell nothing about who holds them: their times are cut so that none of them
tells when the form was opened. A ticket costs nothing and moves nobody back: only one that comes back after its wait
takes one of the minute's places, so that whoever collects tickets and does not use them delays nobody.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import altcha
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.errors import DomainError

ALGORITHM = "PBKDF2/SHA-256"
COST = 5000  # iterations: 1.4 ms here, about 10 ms on an old phone
FEWEST, MOST = 40, 240  # tries a browser makes: the tail of random search is cut, so an old phone stays under 3 s
LIFE = timedelta(hours=12)
AT_ONCE = 10.0  # seconds' worth of places that may be taken at once
_places = threading.Lock()
_next_place = 0.0  # this process's count: when the places taken so far are all used up


@dataclass(frozen=True)
class Spent:
    """The digest of a proof or ticket that holds, and the hour after which it would not hold anyway."""

    digest: bytes
    expires_hour: datetime


def challenge() -> str:
    """A new challenge for the form, as JSON. Solving takes 40 to 240 tries; checking one HMAC."""
    made = altcha.create_challenge(
        ALGORITHM,
        COST,
        counter=FEWEST + secrets.randbelow(MOST - FEWEST),
        expires_at=_expiry(),
        hmac_secret=_key("challenge"),
        hmac_key_secret=_key("solution"),
    )
    return json.dumps(made.to_dict(), separators=(",", ":"))


def check_proof(payload: str) -> Spent:
    """Check a solved challenge. DomainError when it does not hold or is too old."""
    try:
        read = altcha.Payload.from_base64(payload)
        expires = datetime.fromtimestamp(int(read.challenge.parameters.expires_at or 0), UTC)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise _refused() from error
    if expires <= clock.now():
        raise _refused()
    result = altcha.verify_solution(read, _key("challenge"), hmac_key_secret=_key("solution"))
    if not result.verified:
        raise _refused()
    return Spent(_digest(str(read.challenge.signature)), expires)


def ticket() -> str:
    """A short wait: it may come back from its moment on. Nothing is stored, nobody else waits longer for it."""
    turn = clock.now().timestamp() + settings.QUEUE_SECONDS
    body = f"{int(turn) + 1}.{int(_expiry().timestamp())}.{secrets.token_hex(16)}"
    return f"{body}.{_sign(body)}"


def seconds_left(text: str) -> int:
    """How long a ticket's holder has still to wait, for its moment and for a place.

    DomainError for a ticket that is not ours or too old.
    """
    now = clock.now().timestamp()
    return max(0, _read_ticket(text)[0] - int(now), ceil(_next_place - AT_ONCE - now))


@contextmanager
def passing(*, proof: str, ticket: str) -> Iterator[Spent]:
    """What lets one form through: a solved challenge, or a ticket whose wait is over and a place for it.

    Each process has QUEUE_PER_MINUTE places in a minute; one is free again when what was sent is not taken.
    DomainError when the proof or ticket does not hold, or no place is free.
    """
    if proof:
        yield check_proof(proof)
        return
    turn, expires = _read_ticket(ticket)
    if turn > clock.now().timestamp():
        raise _refused()
    _take_place()
    try:
        yield Spent(_digest(ticket), datetime.fromtimestamp(expires, UTC))
    except BaseException:
        _move_places(-_each())
        raise


def _take_place() -> None:
    global _next_place  # noqa: PLW0603 - this process's count
    now = clock.now().timestamp()
    with _places:
        if _next_place - AT_ONCE > now:
            raise DomainError(
                "queue_full",
                _("Too many forms wait at the moment."),
                remedy=_("Please try again later, or switch on JavaScript: then there is no queue."),
                status=503,
            )
        _next_place = max(now, _next_place) + _each()


def _move_places(seconds: float) -> None:
    global _next_place  # noqa: PLW0603 - this process's count
    with _places:
        _next_place += seconds


def _each() -> float:
    return 60 / settings.QUEUE_PER_MINUTE


def once(text: str) -> Spent:
    """A form's own random word, so that the same message is not taken twice."""
    return Spent(_digest(text), _expiry())


def _read_ticket(text: str) -> tuple[int, int]:
    body, _dot, signature = text.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _sign(body).encode()):
        raise _refused()
    turn, expires, _nonce = body.split(".")
    if int(expires) <= clock.now().timestamp():
        raise _refused()
    return int(turn), int(expires)


def _expiry() -> datetime:
    return clock.this_hour() + LIFE


def _sign(body: str) -> str:
    return hmac.new(_key("ticket"), body.encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _key(use: str) -> bytes:
    if not settings.POW_KEY:
        raise DomainError(
            "no_pow_key",
            _("This face cannot take reports yet."),
            remedy=_("The operator sets MAMORI_POW_KEY."),
            status=503,
        )
    return hashlib.blake2b(use.encode(), key=hashlib.sha256(settings.POW_KEY.encode()).digest()).digest()


def _refused() -> DomainError:
    return DomainError(
        "gate_refused",
        _("The check against automatic sending did not pass or is too old."),
        remedy=_("Please press Send again."),
        status=422,
    )
