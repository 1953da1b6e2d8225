from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "edition",
    {
        "signed": StateLook(_("Signed, on its way"), "info", "clock"),
        "published": StateLook(_("Published"), "success", "check"),
        "refused": StateLook(_("Refused"), "error", "block"),
        "abandoned": StateLook(_("Given up"), "neutral", "cross"),
    },
)
register_states(
    "subscriber",
    {
        "requested": StateLook(_("Being set up"), "info", "clock"),
        "active": StateLook(_("Receives the list"), "success", "check"),
        "revoking": StateLook(_("Being revoked"), "warning", "clock"),
        "revoked": StateLook(_("Revoked"), "neutral", "cross"),
    },
)
register_states(
    "delivery",
    {
        "nxdomain": StateLook(_("DNS: the name does not exist"), "neutral", "block"),
        "stop": StateLook(_("DNS: stop page"), "neutral", "info"),
        "url": StateLook(_("URL list"), "neutral", "list"),
    },
)
register_states(
    "list_change",
    {
        "added": StateLook(_("Newly blocked"), "warning", "block"),
        "moved": StateLook(_("Reached a further ring"), "warning", "block"),
        "removed": StateLook(_("Lifted"), "success", "check"),
    },
)
register_states(
    "ring",
    {
        "0": StateLook(_("Canaries of our own"), "info", "eye"),
        "1": StateLook(_("One subscriber in twenty"), "info", "building"),
        "2": StateLook(_("All subscribers"), "neutral", "globe"),
    },
)
register_states(
    "standing",
    {
        "has_it": StateLook(_("Up to date"), "success", "check"),
        "waiting": StateLook(_("On its way"), "info", "clock"),
        "late": StateLook(_("Lags"), "error", "alert"),
        "old_base": StateLook(_("Base zone is old"), "error", "alert"),
        "unknown": StateLook(_("Not known"), "neutral", "eye"),
    },
)
register_events(
    _("Editions"),
    {
        "distribution.published": _("An edition was published"),
        "distribution.refused": _("An edition was refused"),
        "distribution.abandoned": _("An edition was given up"),
        "distribution.killed": _("The list was emptied by the kill switch"),
        "distribution.halted": _("Additions were halted in the rings"),
        "distribution.halt_released": _("A halt was ended: additions go on"),
        "distribution.halt_withdrawn": _("A halt was ended: what waited was withdrawn"),
        "distribution.restored": _("The list was brought back"),
        "distribution.restored_files": _("The signed list was brought back from the database"),
        "distribution.taken_back": _("Entries of an edition were taken back"),
        "distribution.leak_traced": _("A copy of the list was traced to a subscriber"),
        "distribution.probed": _("Resolvers were asked whether they follow an edition"),
        "distribution.followed": _("A late resolver follows an edition"),
        "distribution.subscriber_added": _("A subscriber was added"),
        "distribution.subscriber_servers": _("The addresses of a subscriber's servers were changed"),
        "distribution.subscriber_key": _("A subscriber was given a new key"),
        "distribution.subscriber_resolvers": _("A subscriber's own resolvers were named"),
        "distribution.subscriber_moved": _("The state of a subscriber changed"),
    },
)
register_things(
    {
        "distribution.edition": _("Edition"),
        "distribution.halt": _("Halt of additions in the rings"),
        "distribution.killorder": _("Order of the kill switch"),
        "distribution.subscriber": _("Subscriber"),
    }
)
