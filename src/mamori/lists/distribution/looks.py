from django.utils.translation import gettext_lazy as _

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
        "removed": StateLook(_("Lifted"), "success", "check"),
    },
)
