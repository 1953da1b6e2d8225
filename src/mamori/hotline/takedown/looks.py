from django.utils.translation import gettext_lazy as _

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
