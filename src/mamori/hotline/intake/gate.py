"""The gate before the public form: a proof of work when JavaScript is on, a turn in a queue when it is off.

Both are signed by us, work once, and tell nothing about who holds them: their times are cut so that none of them
tells when the form was opened.
"""

import hashlib
import hmac
import json
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import altcha
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.errors import DomainError

ALGORITHM = "PBKDF2/SHA-256"
COST = 5000  # iterations: 1.4 ms here, about 10 ms on an old phone
FEWEST, MOST = 40, 240  # tries a browser makes: the tail of random search is cut, so an old phone stays under 3 s
LIFE = timedelta(hours=12)
_turns = threading.Lock()
_next_turn = 0.0


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
    """A turn in the queue: valid from its moment on. Each process lets QUEUE_PER_MINUTE through in a minute."""
    global _next_turn  # noqa: PLW0603 - the head of this process's queue
    now = clock.now().timestamp()
    with _turns:
        turn = max(now + settings.QUEUE_SECONDS, _next_turn)
        if turn - now > LIFE.total_seconds() / 2:
            raise DomainError(
                "queue_full",
                _("Too many forms wait at the moment."),
                remedy=_("Please try again later, or switch on JavaScript: then there is no queue."),
                status=503,
            )
        _next_turn = turn + 60 / settings.QUEUE_PER_MINUTE
    body = f"{int(turn) + 1}.{int(_expiry().timestamp())}.{secrets.token_hex(16)}"
    return f"{body}.{_sign(body)}"


def seconds_left(text: str) -> int:
    """How long a ticket's holder has still to wait. DomainError for one that is not ours or too old."""
    return max(0, _read_ticket(text)[0] - int(clock.now().timestamp()))


def check_ticket(text: str) -> Spent:
    """Check a ticket whose turn has come. DomainError when it is not ours, too old, or not yet due."""
    turn, expires = _read_ticket(text)
    if turn > clock.now().timestamp():
        raise _refused()
    return Spent(_digest(text), datetime.fromtimestamp(expires, UTC))


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
