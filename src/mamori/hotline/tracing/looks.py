from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "trace",
    {
        "unresolved": StateLook(_("Host not found yet"), "warning", "search"),
        "traced": StateLook(_("Traced"), "info", "server"),
        "disputed": StateLook(_("Sources disagree"), "warning", "scale"),
        "confirmed": StateLook(_("Confirmed"), "success", "check"),
        "changed": StateLook(_("Host changed"), "warning", "refresh"),
    },
)
register_states(
    "trace_method",
    {
        "dns": StateLook(_("DNS"), "neutral", "globe"),
        "rdap_ip": StateLook(_("Registry: network"), "neutral", "building"),
        "rdap_autnum": StateLook(_("Registry: AS"), "neutral", "building"),
        "rdap_domain": StateLook(_("Registry: domain"), "neutral", "building"),
        "route": StateLook(_("Route origin"), "neutral", "server"),
        "abusix": StateLook(_("Abusix"), "neutral", "mail"),
        "rfc2142": StateLook(_("Usual mailbox (RFC 2142)"), "neutral", "mail"),
        "person": StateLook(_("A member"), "neutral", "user"),
    },
)
register_states(
    "trace_outcome",
    {
        "found": StateLook(_("Has an answer"), "success", "check"),
        "nothing": StateLook(_("Knows nothing"), "neutral", "dot"),
        "failed": StateLook(_("Could not be asked"), "warning", "alert"),
    },
)
register_states(
    "contact",
    {
        "waiting": StateLook(_("Waits for approval"), "warning", "clock"),
        "found": StateLook(_("Not needed yet"), "neutral", "dot"),
        "approved": StateLook(_("Approved"), "success", "check"),
        "replaced": StateLook(_("Replaced"), "neutral", "refresh"),
    },
)
register_states(
    "ladder",
    {
        "site_operator": StateLook(_("Site operator"), "neutral", "user"),
        "hoster": StateLook(_("Hosting provider"), "neutral", "server"),
        "upstream": StateLook(_("Upstream network"), "neutral", "globe"),
        "registrar": StateLook(_("Registrar"), "neutral", "building"),
    },
)
register_events(
    _("Tracing"),
    {
        "tracing.ran": _("A trace was run"),
        "tracing.asked_again": _("A fresh trace was asked for"),
        "tracing.traced": _("The host was found"),
        "tracing.disputed": _("Sources disagree about the host"),
        "tracing.confirmed": _("Host and contact were confirmed"),
        "tracing.changed": _("The host changed"),
        "tracing.contact_needed": _("A contact needs approval"),
        "tracing.contact_approved": _("A contact was approved"),
        "tracing.contact_replaced": _("A contact was replaced"),
        "tracing.key_registered": _("A contact's encryption key was set or removed"),
    },
)
register_things(
    {
        "tracing.contact": _("Contact"),
        "tracing.trace": _("Trace"),
    }
)
