from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.letters.looks import register_kinds
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "referral",
    {
        "drafted": StateLook(_("Way to be chosen"), "warning", "pen"),
        "queued": StateLook(_("Waiting to be sent"), "warning", "clock"),
        "sent": StateLook(_("Sent, not opened"), "warning", "mail"),
        "delivered": StateLook(_("Delivered"), "info", "inbox"),
        "acknowledged": StateLook(_("Acknowledged"), "info", "check"),
        "hold_requested": StateLook(_("On hold"), "error", "pause"),
        "released": StateLook(_("Released"), "success", "check"),
        "no_objection": StateLook(_("No objection"), "success", "check"),
        "feedback": StateLook(_("Feedback given"), "success", "archive"),
    },
)
register_states(
    "referral_policy",
    {
        "": StateLook(_("To be chosen"), "warning", "pen"),
        "approval": StateLook(_("After release"), "neutral", "lock"),
        "silent_consent": StateLook(_("After silence"), "neutral", "clock"),
        "simultaneous": StateLook(_("At once"), "neutral", "arrow-right"),
        "per_item": StateLook(_("Chosen per item"), "neutral", "pen"),
    },
)
register_states(
    "referral_urgency",
    {
        "True": StateLook(_("Child at risk now"), "error", "alert"),
        "False": StateLook(_("Ordinary"), "neutral", "dot"),
    },
)
register_states(
    "referral_delivery",
    {
        "desk": StateLook(_("opened on the police desk"), "success", "eye"),
        "api": StateLook(_("acknowledged by the police's system"), "success", "server"),
        "phone": StateLook(_("handed over by phone"), "success", "phone"),
    },
)
register_states(
    "referral_feedback",
    {
        "new_victim": StateLook(_("New victim"), "error", "user"),
        "known": StateLook(_("Known to police"), "neutral", "archive"),
        "case_no": StateLook(_("Case number given"), "info", "list"),
    },
)
register_states(
    "referral_step",
    {
        "opened": StateLook(_("Referral to police drafted"), "info", "shield"),
        "urgent": StateLook(_("A child is at risk: urgent"), "error", "alert"),
        "urgent_seen": StateLook(_("Police know of the child at risk"), "success", "eye"),
        "queued": StateLook(_("Referral queued"), "info", "clock"),
        "sent": StateLook(_("Referral sent to police"), "info", "mail"),
        "letter_failed": StateLook(_("Police could not be notified"), "error", "alert"),
        "delivered": StateLook(_("Police have it"), "success", "inbox"),
        "acknowledged": StateLook(_("Acknowledged by police"), "success", "check"),
        "paged": StateLook(_("Duty officer paged: not opened in time"), "error", "phone"),
        "alert": StateLook(_("Share of the time to object is used"), "warning", "clock"),
        "hold_requested": StateLook(_("Police ask to wait"), "error", "pause"),
        "hold_renewed": StateLook(_("Hold renewed"), "error", "pause"),
        "hold_over": StateLook(_("Hold is over: supervisors told"), "warning", "alert"),
        "hold_lapsed": StateLook(_("Hold lapsed"), "warning", "clock"),
        "released": StateLook(_("Released by police"), "success", "check"),
        "no_objection": StateLook(_("No objection by police"), "success", "check"),
        "cleared": StateLook(_("Notices are free to go"), "success", "arrow-right"),
        "feedback": StateLook(_("Police gave feedback"), "info", "archive"),
        "told_again": StateLook(_("Police told: it is online again or looked at anew"), "warning", "refresh"),
        "evidence": StateLook(_("Evidence signed and kept"), "info", "lock"),
        "preservation": StateLook(_("Provider asked to preserve its data"), "info", "archive"),
        "preservation_extended": StateLook(_("Preservation extended"), "info", "archive"),
    },
)
register_kinds(
    {
        "police_notify": _("Call to the police desk"),
        "police_urgent": _("Call to the police desk, urgent"),
        "police_again": _("Call to the police desk: content again"),
        "police_alert": _("Call to the police desk: time runs out"),
        "police_page": _("Call to the duty officer"),
        "police_supervisors": _("Call to supervisors: a hold is over"),
        "preservation": _("Request to preserve records"),
    }
)
register_events(
    _("Police"),
    {
        "referral.opened": _("A referral to police was drafted"),
        "referral.policy_set": _("The policy of referrals was set"),
        "referral.queued": _("A referral waits to be sent"),
        "referral.sent": _("A referral was sent to police"),
        "referral.delivered": _("A referral was delivered to police"),
        "referral.acknowledged": _("Police acknowledged a referral"),
        "referral.letter_failed": _("The letter of a referral did not arrive"),
        "referral.told_again": _("Police were told of known content again"),
        "referral.urgent": _("Police were told that a child is at risk"),
        "referral.urgent_seen": _("An officer saw that a child is at risk"),
        "referral.paged": _("The duty officer was paged"),
        "referral.alert": _("The time of silence runs out"),
        "referral.hold_requested": _("Police asked to wait"),
        "referral.hold_began": _("A police hold began"),
        "referral.hold_renewed": _("A police hold was renewed"),
        "referral.hold_over": _("A police hold ended"),
        "referral.released": _("Police released the content"),
        "referral.no_objection": _("Police did not object in time"),
        "referral.feedback": _("The referral ended with feedback of police"),
        "referral.feedback_given": _("Police gave feedback"),
        "referral.evidence_kept": _("Evidence was signed and kept"),
        "referral.preservation_asked": _("A provider was asked to preserve its data"),
        "referral.preservation_extended": _("The preservation was extended"),
    },
)
register_things(
    {
        "referral.evidence": _("Evidence"),
        "referral.hold": _("Hold"),
        "referral.policy": _("Policy"),
        "referral.preservation": _("Preservation request"),
        "referral.referral": _("Referral"),
    }
)
