"""The only writer of this room's tables."""

from mamori.hotline.assessment.services.decisions import decide, decision_withdraw, decisions_conclude, note_open
from mamori.hotline.assessment.services.exposure import duty_touch, exposure_lift
from mamori.hotline.assessment.services.items import (
    content_cannot_access,
    content_changed,
    content_finish,
    content_monitored,
    content_open,
    content_reassess,
    content_reopen,
    content_resurfaced,
    content_traced,
    contents_age,
    criteria_install,
)
from mamori.hotline.assessment.services.leases import (
    lease_extend,
    lease_next,
    lease_release,
    lease_take,
    leases_expire,
)

__all__ = [
    "content_cannot_access",
    "content_changed",
    "content_finish",
    "content_monitored",
    "content_open",
    "content_reassess",
    "content_reopen",
    "content_resurfaced",
    "content_traced",
    "contents_age",
    "criteria_install",
    "decide",
    "decision_withdraw",
    "decisions_conclude",
    "duty_touch",
    "exposure_lift",
    "lease_extend",
    "lease_next",
    "lease_release",
    "lease_take",
    "leases_expire",
    "note_open",
]
