from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things

register_events(
    _("Sealed data"),
    {
        "sealed.key_destroyed": _("A data key was destroyed: what it sealed is gone"),
        "sealed.keys_rewrapped": _("Data keys were sealed by a new master key"),
    },
)
register_things(
    {
        "sealed": _("Data key"),
        "sealed.datakey": _("Data key"),
    }
)
