from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things

register_events(
    _("Search"),
    {
        "desks.searched": _("An address was searched for"),
    },
)
register_things(
    {
        "address": _("Address"),
    }
)
