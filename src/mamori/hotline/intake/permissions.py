from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.scopes import register_scope
from mamori.ground.actors import Role, grant
from mamori.hotline.intake.states import SCREEN

SEE = "intake.see"
EXPORT = "intake.export"
OPEN_SEALED = "intake.open_sealed"
REPLY = "intake.reply"
OPERATE = "intake.operator"
PATROL = "intake.patrol"
WITHHOLD = "intake.withhold"
API_WRITE = "reports.write"  # a scope of partners' tokens

grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(SCREEN, Role.ANALYST, Role.SENIOR_ANALYST)
grant(OPEN_SEALED, Role.ANALYST, Role.SENIOR_ANALYST)
grant(REPLY, Role.ANALYST, Role.SENIOR_ANALYST)
grant(OPERATE, Role.ANALYST, Role.SENIOR_ANALYST)
grant(PATROL, Role.POLICE_LIAISON)
grant(WITHHOLD, Role.SENIOR_ANALYST)
register_scope(API_WRITE, _("Send reports"))
