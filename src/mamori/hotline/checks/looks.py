from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.ui.states import StateLook, register_states

register_states(
    "check",
    {
        "": StateLook(_("Not looked at yet"), "neutral", "clock"),
        "online_same": StateLook(_("Online, unchanged"), "error", "globe"),
        "online_similar": StateLook(_("Online, nearly the same"), "error", "globe"),
        "online_changed": StateLook(_("Online, changed"), "warning", "refresh"),
        "page_up_media_gone": StateLook(_("Page answers, content gone"), "success", "check"),
        "gone_4xx": StateLook(_("Not found"), "success", "check"),
        "host_down": StateLook(_("Host does not answer"), "info", "server"),
        "blocked_or_challenged": StateLook(_("Refuses the re-check"), "warning", "block"),
        "error_ours": StateLook(_("Our own network failed"), "neutral", "alert"),
    },
)
register_states(
    "check_verdict",
    {
        "online": StateLook(_("Online"), "error", "globe"),
        "offline_suspected": StateLook(_("Perhaps gone"), "info", "clock"),
        "gone": StateLook(_("Gone"), "success", "check"),
        "unknown": StateLook(_("Not known"), "neutral", "info"),
    },
)
register_states(
    "watch",
    {
        "watching": StateLook(_("Watched"), "info", "eye"),
        "gone": StateLook(_("Gone, watched for its return"), "success", "check"),
        "ended": StateLook(_("Watch ended"), "neutral", "archive"),
    },
)
register_events(
    _("Checks"),
    {
        "checks.watch_begun": _("A watch on content began"),
        "checks.asked": _("A look at once was asked for"),
        "checks.recorded": _("A check was recorded"),
        "checks.gone": _("Content was found gone"),
        "checks.resurfaced": _("Content is online again"),
        "checks.watch_ended": _("A watch on content ended"),
    },
)
register_things(
    {
        "checks.check": _("Check"),
        "checks.watch": _("Watch"),
    }
)
