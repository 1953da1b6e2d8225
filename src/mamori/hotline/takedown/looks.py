from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.letters.looks import register_kinds
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "notice",
    {
        "draft": StateLook(_("Draft"), "neutral", "pen"),
        "grouping": StateLook(_("Gathering addresses"), "info", "inbox"),
        "verifying": StateLook(_("Last look before sending"), "info", "eye"),
        "sending": StateLook(_("Being sent"), "info", "mail"),
        "delivered": StateLook(_("Delivered"), "success", "mail"),
        "bounced": StateLook(_("Not delivered"), "error", "alert"),
        "acknowledged": StateLook(_("Acknowledged"), "success", "check"),
        "removal_claimed": StateLook(_("Says removed: being checked"), "info", "refresh"),
        "disputed": StateLook(_("Disputed"), "warning", "scale"),
        "overdue": StateLook(_("Overdue, reminded"), "warning", "clock"),
        "suspended": StateLook(_("Held back"), "neutral", "pause"),
        "verified_removed": StateLook(_("Removal verified"), "success", "check"),
        "escalated": StateLook(_("Taken to the next level"), "warning", "arrow-right"),
        "closed": StateLook(_("Closed"), "neutral", "archive"),
    },
)
register_states(
    "notice_item",
    {
        "waiting": StateLook(_("Not told yet"), "neutral", "clock"),
        "told": StateLook(_("Told"), "info", "mail"),
        "claimed": StateLook(_("Says removed"), "info", "refresh"),
        "disputed": StateLook(_("Disputed"), "warning", "scale"),
        "suspended": StateLook(_("Held back"), "neutral", "pause"),
        "removed": StateLook(_("Gone"), "success", "check"),
        "withdrawn": StateLook(_("Withdrawn"), "neutral", "cross"),
        "escalated": StateLook(_("At the next level"), "warning", "arrow-right"),
    },
)
register_states(
    "notice_level",
    {
        "": StateLook(_("None yet"), "neutral", "dot"),
        "site_operator": StateLook(_("Site operator"), "neutral", "user"),
        "hoster": StateLook(_("Hosting provider"), "neutral", "server"),
        "upstream": StateLook(_("Upstream network"), "neutral", "globe"),
        "registrar": StateLook(_("Registrar"), "neutral", "list"),
        "regulator": StateLook(_("Regulator"), "neutral", "building"),
    },
)
register_states(
    "obstacle",
    {
        "": StateLook(_("Nothing"), "success", "check"),
        "not_confirmed": StateLook(_("Not confirmed"), "neutral", "scale"),
        "not_cleared": StateLook(_("Police not heard yet"), "info", "shield"),
        "held": StateLook(_("Held by police"), "warning", "pause"),
        "host": StateLook(_("Host to be confirmed anew"), "warning", "server"),
        "contact": StateLook(_("Contact to be approved"), "warning", "mail"),
        "trace": StateLook(_("Fresh trace"), "info", "search"),
        "online": StateLook(_("To be seen online"), "info", "eye"),
        "evidence": StateLook(_("Evidence bundle"), "info", "lock"),
    },
)
register_states(
    "hoster_answer",
    {
        "opened": StateLook(_("Page opened"), "neutral", "eye"),
        "acknowledge": StateLook(_("Acknowledged"), "success", "check"),
        "removed": StateLook(_("Says removed"), "info", "refresh"),
        "dispute": StateLook(_("Disputes"), "warning", "scale"),
        "question": StateLook(_("Asks, or cannot act"), "warning", "info"),
    },
)
register_states(
    "ledger",
    {
        "warning": StateLook(_("Warning"), "warning", "alert"),
        "recommendation": StateLook(_("Recommendation"), "info", "info"),
        "charge": StateLook(_("Charge"), "error", "scale"),
    },
)
register_kinds(
    {
        "notice_first": _("Notice to a host"),
        "notice_further": _("Notice to a host: more addresses"),
        "notice_reminder": _("Notice to a host: reminder"),
    }
)
register_events(
    _("Notices"),
    {
        "takedown.notice_opened": _("A notice was opened"),
        "takedown.joined": _("Content was added to a notice"),
        "takedown.notice_grouping": _("A notice gathers addresses"),
        "takedown.notice_verifying": _("A notice has its last look before sending"),
        "takedown.notice_sending": _("A notice is being sent"),
        "takedown.notice_delivered": _("A notice was delivered"),
        "takedown.notice_bounced": _("A notice was not delivered"),
        "takedown.notice_acknowledged": _("A notice was acknowledged"),
        "takedown.notice_removal_claimed": _("The contact says all is removed"),
        "takedown.notice_disputed": _("A notice was disputed"),
        "takedown.notice_overdue": _("A notice is overdue"),
        "takedown.notice_suspended": _("A notice was held back"),
        "takedown.notice_verified_removed": _("All of a notice was verified as removed"),
        "takedown.notice_escalated": _("A notice went to the next level"),
        "takedown.notice_closed": _("A notice was closed"),
        "takedown.item_waiting": _("An address waits to be told"),
        "takedown.item_told": _("An address was told to the contact"),
        "takedown.item_claimed": _("The contact says an address is removed"),
        "takedown.item_disputed": _("The contact disputes an address"),
        "takedown.item_suspended": _("An address was held back"),
        "takedown.item_removed": _("An address of a notice is gone"),
        "takedown.item_withdrawn": _("An address was withdrawn from a notice"),
        "takedown.item_escalated": _("An address went to the next level"),
        "takedown.removal_wanted": _("Removal of content is wanted"),
        "takedown.removal_noticed": _("Somebody was told to remove content"),
        "takedown.removal_gone": _("Content to remove is gone"),
        "takedown.removal_dropped": _("Removal of content is no longer wanted"),
        "takedown.letter": _("A letter of a notice was written"),
        "takedown.send_asked": _("A member asked to send a notice now"),
        "takedown.page_opened": _("The contact opened the page of a notice"),
        "takedown.answered": _("The contact answered a notice"),
        "takedown.answer_failed": _("An answer needs a person"),
        "takedown.answer_settled": _("An answer was dealt with"),
        "takedown.too_slow": _("Removal is too slow or refused"),
        "takedown.ladder_ended": _("No further level is left to tell"),
        "takedown.regulator_told": _("The regulator was told"),
        "takedown.warning": _("A warning to an administrator was recorded"),
    },
)
register_things(
    {
        "hoster_page": _("Host's page"),
        "takedown.hosteranswer": _("Host's answer"),
        "takedown.ledgerentry": _("Warning"),
        "takedown.notice": _("Notice"),
        "takedown.noticeitem": _("Address in a notice"),
        "takedown.removal": _("Removal"),
    }
)
