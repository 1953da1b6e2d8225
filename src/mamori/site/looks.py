from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things

register_events(
    _("Operation"),
    {
        "jobs.retried": _("Failed steps were tried again"),
    },
)
register_things(
    {
        "jobs": _("Jobs"),
    }
)
