"""The only writer of this room's tables."""

from mamori.hotline.takedown.services.answers import MOST_TEXT, answer_record, answers_process
from mamori.hotline.takedown.services.climbing import clocks_run
from mamori.hotline.takedown.services.joining import (
    contact_approved,
    content_confirmed,
    content_consider,
    content_reopened,
    notices_prepare,
)
from mamori.hotline.takedown.services.leaving import (
    content_dropped,
    content_gone,
    content_moved_host,
    content_online,
    content_suspend,
)
from mamori.hotline.takedown.services.people import (
    answer_settle,
    dispute_settle,
    notice_close,
    notice_send_now,
    regulator_told,
    warning_record,
)
from mamori.hotline.takedown.services.reminding import notice_remind, notice_resend
from mamori.hotline.takedown.services.sending import (
    letter_failed,
    letter_handed,
    letter_may_go,
    letter_withdrawn,
    notice_verify,
    notices_send,
    pages_seal,
)

__all__ = [
    "MOST_TEXT",
    "answer_record",
    "answer_settle",
    "answers_process",
    "clocks_run",
    "contact_approved",
    "content_confirmed",
    "content_consider",
    "content_dropped",
    "content_gone",
    "content_moved_host",
    "content_online",
    "content_reopened",
    "content_suspend",
    "dispute_settle",
    "letter_failed",
    "letter_handed",
    "letter_may_go",
    "letter_withdrawn",
    "notice_close",
    "notice_remind",
    "notice_resend",
    "notice_send_now",
    "notice_verify",
    "notices_prepare",
    "notices_send",
    "pages_seal",
    "regulator_told",
    "warning_record",
]
