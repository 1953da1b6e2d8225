"""The only writer of this room's tables."""

from mamori.hotline.intake.services.batches import batch_receive, batch_screen
from mamori.hotline.intake.services.files import ImportResult, reports_import
from mamori.hotline.intake.services.messages import (
    message_answer,
    message_send,
    messages_read,
    receipt_open,
    sealed_open,
)
from mamori.hotline.intake.services.receive import Received, submission_receive
from mamori.hotline.intake.services.screen import (
    closings_release,
    counts_compact,
    report_close,
    report_link,
    report_screen,
    reports_screen_new,
    submission_police_hold,
    submission_withhold,
    used_forget,
)

__all__ = [
    "ImportResult",
    "Received",
    "batch_receive",
    "batch_screen",
    "closings_release",
    "counts_compact",
    "message_answer",
    "message_send",
    "messages_read",
    "receipt_open",
    "report_close",
    "report_link",
    "report_screen",
    "reports_import",
    "reports_screen_new",
    "sealed_open",
    "submission_police_hold",
    "submission_receive",
    "submission_withhold",
    "used_forget",
]
