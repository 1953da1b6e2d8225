from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.parts import register_public_page
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "report",
    {
        "received": StateLook(_("Received"), "info", "inbox"),
        "screened": StateLook(_("Screened"), "info", "eye"),
        "linked": StateLook(_("Being handled"), "warning", "arrow-right"),
        "closed": StateLook(_("Closed"), "success", "check"),
    },
)
register_states(
    "screening",
    {
        "accepted": StateLook(_("Taken up"), "info", "check"),
        "urgent_child_at_risk": StateLook(_("Child at risk now"), "error", "alert"),
        "duplicate": StateLook(_("Duplicate"), "neutral", "list"),
        "out_of_remit": StateLook(_("Out of remit"), "neutral", "arrow-right"),
        "spam": StateLook(_("Spam"), "neutral", "cross"),
    },
)
register_states(
    "report_outcome",
    {
        "": StateLook(pgettext_lazy("report", "Open"), "info", "clock"),
        "actioned": StateLook(_("Actioned"), "success", "check"),
        "removed": StateLook(_("Removed"), "success", "check"),
        "already_gone": StateLook(_("Already gone"), "neutral", "check"),
        "not_illegal": StateLook(_("Not illegal"), "neutral", "scale"),
        "out_of_remit": StateLook(_("Out of remit"), "neutral", "arrow-right"),
        "insufficient_information": StateLook(_("Not enough information"), "neutral", "info"),
        "duplicate": StateLook(_("Duplicate"), "neutral", "list"),
    },
)
register_states(
    "report_source",
    {
        "public": StateLook(pgettext_lazy("source", "Public form"), "neutral", "globe"),
        "operator": StateLook(pgettext_lazy("source", "Operator"), "neutral", "phone"),
        "patrol": StateLook(pgettext_lazy("source", "Cyber patrol"), "neutral", "shield"),
        "api": StateLook(pgettext_lazy("source", "Partner"), "neutral", "server"),
        "import": StateLook(pgettext_lazy("source", "File"), "neutral", "download"),
    },
)
register_public_page("intake_report", _("Report a page"), order=10)
register_public_page("intake_receipt", _("Look up a receipt"), order=20)
register_public_page("public_law", _("What the law says"), order=30)
register_public_page("public_help", _("Help for children"), order=40)
register_events(
    _("Reports"),
    {
        "intake.received": _("A report was received"),
        "intake.batch_received": _("A partner sent a batch of reports"),
        "intake.imported": _("Reports were read from a file"),
        "intake.screened": _("A report was screened"),
        "intake.linked": _("A report was joined to its content"),
        "intake.closed": _("A report was closed"),
        "intake.closings_released": _("Receipts may say that reports are closed"),
        "intake.withheld": _("A legal hold on a submission was set or ended"),
        "intake.police_hold": _("A police hold on a submission began or ended"),
        "intake.message_sent": _("A reporter was answered"),
        "intake.messages_opened": _("Messages of a reporter were opened"),
        "intake.sealed_opened": _("A sealed part of a report was opened"),
    },
)
register_things(
    {
        "intake": _("Intake"),
        "intake.apibatch": _("Batch of reports"),
        "intake.message": _("Message"),
        "intake.report": _("Report"),
        "intake.submission": _("Submission"),
    }
)
