"""The only writer of this room's tables."""

from mamori.hotline.referral.services.answers import (
    acknowledge,
    feedback,
    handed_over_by_phone,
    hold_renew,
    hold_request,
    referral_opened_by_officer,
    release,
)
from mamori.hotline.referral.services.clocks import clocks_run
from mamori.hotline.referral.services.evidence import (
    evidence_bundle,
    preservation_extend,
    preservation_may_go,
    preservation_reference,
    preservation_request,
    preservation_withdrawn,
)
from mamori.hotline.referral.services.fetching import referrals_fetch
from mamori.hotline.referral.services.policies import policy_now, policy_set
from mamori.hotline.referral.services.sending import (
    mailing_failed,
    mailing_handed,
    referral_choose,
    referral_open,
    referral_tell_again,
    referrals_mend,
    referrals_send,
)
from mamori.hotline.referral.services.withholding import closings_withhold

__all__ = [
    "acknowledge",
    "clocks_run",
    "closings_withhold",
    "evidence_bundle",
    "feedback",
    "handed_over_by_phone",
    "hold_renew",
    "hold_request",
    "mailing_failed",
    "mailing_handed",
    "policy_now",
    "policy_set",
    "preservation_extend",
    "preservation_may_go",
    "preservation_reference",
    "preservation_request",
    "preservation_withdrawn",
    "referral_choose",
    "referral_open",
    "referral_opened_by_officer",
    "referral_tell_again",
    "referrals_fetch",
    "referrals_mend",
    "referrals_send",
    "release",
]
