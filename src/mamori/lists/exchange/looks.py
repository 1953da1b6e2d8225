from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events

register_events(
    _("Exchange"),
    {
        "exchange.match_reported": _("A partner reported a match"),
        "exchange.quota_set": _("A partner's quota was set"),
    },
)
