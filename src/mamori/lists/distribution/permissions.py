from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.scopes import register_scope
from mamori.ground.actors import Role, grant

SEE = "distribution.see"
EXPORT = "distribution.export"
SUBSCRIBERS = "distribution.subscribers"
FOLLOW = "distribution.follow"
KILL = "distribution.kill"
RESTORE = "distribution.restore"
HALT = "distribution.halt"
LIST_STATUS = "list.status"  # a scope of the operator's own monitoring: how every subscriber stands
LIST_READ = "list.read"  # a scope of tokens; a subscriber's own is made, and ends, with its subscription

grant(SEE, Role.LIST_REVIEWER, Role.LIST_APPROVER, Role.SENIOR_ANALYST, Role.AUDITOR, Role.OPERATOR)
grant(EXPORT, Role.LIST_APPROVER, Role.AUDITOR)
grant(SUBSCRIBERS, Role.LIST_APPROVER, Role.OPERATOR)
grant(FOLLOW, Role.LIST_APPROVER, Role.AUDITOR, Role.OPERATOR)
grant(KILL, Role.LIST_APPROVER, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(RESTORE, Role.LIST_APPROVER)
grant(HALT, Role.LIST_APPROVER)
grant(LIST_READ)
grant(LIST_STATUS)
register_scope(LIST_READ, _("Fetch signed editions"), kinds=frozenset({"provider", "list_body"}))
register_scope(LIST_STATUS, _("See which edition every subscriber has"), kinds=frozenset({"operator", "list_body"}))
