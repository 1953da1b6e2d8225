from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.parts import register_public_page
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "entry",
    {
        "proposed": StateLook(_("Proposed, not signed"), "neutral", "pen"),
        "pending_activation": StateLook(_("Waits for a second person"), "warning", "people"),
        "pending_third": StateLook(_("Waits for a third person"), "warning", "people"),
        "active": StateLook(_("In force"), "success", "block"),
        "recheck_failed": StateLook(_("Found gone"), "info", "eye"),
        "pending_removal": StateLook(_("Being lifted"), "info", "clock"),
        "removed": StateLook(_("Off the list"), "neutral", "check"),
        "appealed": StateLook(_("In force, appealed"), "warning", "scale"),
        "in_review": StateLook(_("In force, under review"), "warning", "scale"),
        "upheld": StateLook(_("In force, upheld"), "success", "block"),
        "suspended": StateLook(_("Suspended"), "info", "pause"),
    },
)
register_states(
    "entry_code",
    {
        "content_gone": StateLook(_("The content is gone"), "success", "check"),
        "expired": StateLook(_("Its time was over"), "neutral", "calendar"),
        "renewed": StateLook(_("Renewed by another entry"), "neutral", "refresh"),
        "content_dismissed": StateLook(_("Found not illegal"), "neutral", "scale"),
        "content_reopened": StateLook(_("The content is assessed anew"), "neutral", "refresh"),
        "withdrawn": StateLook(_("Withdrawn by a member"), "neutral", "cross"),
        "oversight_order": StateLook(_("Ordered by oversight"), "warning", "shield"),
        "police": StateLook(_("Police hold"), "warning", "shield"),
        "rules": StateLook(_("Refused by newer rules"), "warning", "alert"),
        "appeal": StateLook(_("Complaint"), "warning", "scale"),
        "rejected": StateLook(_("Complaint rejected"), "neutral", "cross"),
    },
)
register_states(
    "signing_key",
    {
        "waits": StateLook(_("Waits for another person"), "warning", "people"),
        "confirmed": StateLook(_("Confirmed"), "success", "check"),
        "revoked": StateLook(_("Revoked"), "neutral", "cross"),
    },
)
register_states(
    "list_method",
    {
        "dns": StateLook(_("DNS list"), "neutral", "globe"),
        "url": StateLook(_("URL list"), "neutral", "list"),
    },
)
register_states(
    "list_reason",
    {
        "removal_too_slow": StateLook(_("Removal is too slow"), "neutral", "clock"),
        "removal_refused": StateLook(_("Removal was refused"), "neutral", "cross"),
        "removal_impossible": StateLook(_("Removal is impossible"), "neutral", "block"),
    },
)
register_states(
    "list_far",
    {
        "names": StateLook(_("Many other names are known below it"), "warning", "people"),
        "ranked": StateLook(_("It is on the list of names that need a third signature"), "warning", "people"),
        "platform": StateLook(_("It lies below a platform many people publish on"), "warning", "people"),
    },
)
register_states(
    "candidate",
    {
        "too_slow": StateLook(_("Removal is too slow"), "warning", "clock"),
        "resurfaced": StateLook(_("It came back"), "error", "refresh"),
    },
)
register_states(
    "appeal",
    {
        "received": StateLook(_("Received"), "warning", "inbox"),
        "in_review": StateLook(_("Under review"), "warning", "scale"),
        "upheld": StateLook(_("Entry upheld"), "neutral", "block"),
        "suspended": StateLook(_("Entry suspended"), "info", "pause"),
        "removed": StateLook(_("Entry removed"), "success", "check"),
        "rejected": StateLook(_("Rejected"), "neutral", "cross"),
    },
)
register_states(
    "appeal_proof",
    {
        "": StateLook(_("Not shown yet"), "warning", "key"),
        "dns": StateLook(_("By DNS record"), "success", "check"),
        "file": StateLook(_("By a file on the site"), "success", "check"),
        "attested": StateLook(_("Attested by a member"), "success", "user"),
    },
)
register_public_page("list_about", _("The address list"), order=50)
register_public_page("list_appeal", _("Complain about a block"), order=60)
register_events(
    _("List"),
    {
        "listing.proposed": _("A list entry was proposed"),
        "listing.pending_activation": _("A list entry waits for a second person"),
        "listing.pending_third": _("A list entry waits for a third person"),
        "listing.active": _("A list entry came into force"),
        "listing.recheck_failed": _("The content of a list entry was found gone"),
        "listing.pending_removal": _("A list entry is being lifted"),
        "listing.removed": _("A list entry is off the list"),
        "listing.appealed": _("Somebody complained about a list entry"),
        "listing.in_review": _("A list entry is under review"),
        "listing.upheld": _("A list entry was upheld"),
        "listing.suspended": _("A list entry was suspended"),
        "listing.withdrawal_signed": _("The withdrawal of a list entry was signed"),
        "listing.review_changed": _("Why a list entry is under review changed"),
        "listing.opinion": _("An opinion on a list entry was given"),
        "listing.appeal_matched": _("A complaint was matched with a list entry"),
        "listing.appeal_read": _("A complaint was read"),
        "listing.appeal_answered": _("A complainant was told the outcome"),
        "listing.appeal_proved": _("Proof for a complaint was recorded"),
        "listing.appeal_moved": _("A complaint went on"),
        "listing.key_registered": _("A signing key was registered"),
        "listing.key_confirmed": _("A signing key was confirmed"),
        "listing.key_revoked": _("A signing key was revoked"),
    },
)
register_things(
    {
        "listing.appeal": _("Appeal"),
        "listing.candidate": _("Candidate"),
        "listing.entry": _("Entry"),
        "listing.signingkey": _("Key"),
    }
)
