from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.states import StateLook, register_states

register_states(
    "checkpoint",
    {
        "witnessed": StateLook(_("Co-signed"), "success", "check"),
        "alone": StateLook(_("Not co-signed"), "warning", "alert"),
    },
)
register_states(
    "verification",
    {
        "running": StateLook(_("Running"), "info", "clock"),
        "ok": StateLook(_("Whole and unchanged"), "success", "check"),
        "bad": StateLook(_("Changed"), "error", "alert"),
    },
)
