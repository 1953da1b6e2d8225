from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things

register_events(
    _("Openness"),
    {
        "openness.edition_committed": _("An edition was committed to the log"),
        "openness.challenge_answered": _("An auditor's draw was answered"),
        "openness.figures_published": _("Public figures were published"),
    },
)
register_things(
    {
        "openness.commitment": _("Commitment"),
        "period": _("Period"),
    }
)
