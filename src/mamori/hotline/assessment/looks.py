from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.states import StateLook, register_states
from mamori.hotline.assessment.states import Reason

register_states(
    "content",
    {
        "tracing": StateLook(_("Being traced"), "info", "search"),
        "awaiting_assessment": StateLook(_("Awaiting assessment"), "info", "inbox"),
        "cannot_access": StateLook(_("Cannot be accessed"), "warning", "lock"),
        "in_assessment": StateLook(_("In assessment"), "warning", "eye"),
        "second_opinion": StateLook(_("Awaiting another opinion"), "info", "people"),
        "in_second_opinion": StateLook(_("In another opinion"), "warning", "eye"),
        "assessed": StateLook(_("Assessed"), "info", "scale"),
        "actioning": StateLook(_("Being actioned"), "error", "flag"),
        "monitoring": StateLook(_("Removal monitored"), "warning", "clock"),
        "removed": StateLook(_("Removed"), "success", "check"),
        "unavailable": StateLook(_("Unavailable"), "success", "cross"),
        "moved": StateLook(_("Moved"), "warning", "arrow-right"),
        "not_illegal": StateLook(_("Not illegal"), "neutral", "scale"),
        "watch": StateLook(_("Watched for return"), "info", "refresh"),
        "closed": StateLook(_("Closed"), "neutral", "archive"),
    },
)
register_states(
    "verdict",
    {
        "BASELINE": StateLook(_("Baseline: illegal everywhere"), "error", "flag"),
        "NATIONAL": StateLook(_("National: illegal here"), "error", "flag"),
        "NOT_ILLEGAL": StateLook(_("Not illegal"), "neutral", "scale"),
        "IGNORE": StateLook(_("Ignore: not our remit"), "neutral", "arrow-right"),
        "UNDETERMINED": StateLook(_("Undetermined"), "warning", "info"),
    },
)
REASONS = {
    Reason.OTHER: _("Other"),
    Reason.CONTENT_NOT_FOUND: _("Content not found"),
    Reason.REFERRER_UNKNOWN: _("Referring page unknown or wrong"),
    Reason.UNABLE_TO_ACCESS: _("Access refused"),
    Reason.PASSWORD_PROTECTED: _("Protected by a password"),
    Reason.ACCOUNT_DISABLED: _("Account disabled"),
    Reason.LEGALLY_UNABLE: _("The law does not let us open it"),
    Reason.LINK_EXPIRED: _("Link expired"),
    Reason.ERROR_404: _("Error 404, or the site is down"),
    Reason.ERROR_503: _("Error 503, or unavailable for now"),
    Reason.PREMIUM_ACCOUNT: _("Needs a paid account"),
    Reason.MISSING_PARTS: _("Parts of the file are missing"),
    Reason.REMOVED_BEFORE: _("Removed before the assessment"),
    Reason.ADULT: _("Adults only"),
    Reason.NUDISM: _("Not sexualised"),
    Reason.BELOW_THRESHOLD: _("Below the threshold of the law"),
    Reason.IMAGES_TOO_SMALL: _("Images too small to judge"),
    Reason.VIRTUAL: _("Virtual material, no real child"),
    Reason.LINKING: _("Only links, not illegal"),
    Reason.AGE_UNCLEAR: _("Age unclear or not assessable"),
    Reason.AGE_OVER_THRESHOLD: _("Over the age of the law"),
}
register_states(
    "content_code",
    {
        **{str(reason): StateLook(word) for reason, word in REASONS.items()},
        "reported_again": StateLook(_("Reported again")),
        "reassess": StateLook(_("To be assessed anew")),
        "appeal": StateLook(_("After an appeal")),
        "withdrawn": StateLook(_("An opinion was taken back")),
        "resurfaced": StateLook(_("It came back")),
        "released": StateLook(_("Put back")),
        "expired": StateLook(_("The time for it ran out")),
        "exempt": StateLook(_("Past the budget: a child at risk")),
        "time": StateLook(_("By time")),
    },
)
register_events(
    _("Assessment"),
    {
        "assessment.opened": _("Content was opened for assessment"),
        "assessment.child_at_risk": _("A report says a child is at risk"),
        "assessment.lease_extended": _("An analyst took more time for an item"),
        "assessment.decided": _("An opinion was given"),
        "assessment.decision_withdrawn": _("An opinion was taken back"),
        "assessment.note_opened": _("The note of an opinion was opened"),
        "assessment.settled": _("The assessment was settled"),
        "assessment.reports_closed": _("The reports of an item were closed"),
        "assessment.exposure_lifted": _("A person's daily limit of exposure was lifted"),
        "assessment.awaiting_assessment": _("Content waits for assessment"),
        "assessment.cannot_access": _("Content could not be accessed"),
        "assessment.in_assessment": _("Content was taken for assessment"),
        "assessment.second_opinion": _("Content waits for another opinion"),
        "assessment.in_second_opinion": _("Content was taken for another opinion"),
        "assessment.assessed": _("Content was assessed"),
        "assessment.actioning": _("Content is being acted on"),
        "assessment.monitoring": _("The removal of content is being monitored"),
        "assessment.removed": _("Content was removed"),
        "assessment.unavailable": _("Content is unavailable"),
        "assessment.moved": _("Content moved elsewhere"),
        "assessment.not_illegal": _("Content was found not illegal"),
        "assessment.watch": _("Content is watched for its return"),
        "assessment.closed": _("The item was closed"),
    },
)
register_things(
    {
        "assessment.contentitem": _("Content"),
        "assessment.decision": _("Opinion"),
        "content": _("Content"),
    }
)
