from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.scopes import register_scope
from mamori.ground.actors import Role, grant

SEE = "referral.see"  # states and clocks, nothing of the content
READ = "referral.read"  # what is referred: police only
DELIVER = "referral.deliver"
ANSWER = "referral.answer"
HAND_OVER = "referral.hand_over"
CHOOSE = "referral.choose"
POLICY = "referral.policy"
PRESERVE = "referral.preserve"
EXPORT = "referral.export"

# Scopes of a police system's token, and what each allows.
API_READ = "referrals.read"
API_WRITE = "referrals.write"
_POLICE = frozenset({"police"})
SCOPES = {API_READ: {SEE, READ}, API_WRITE: {DELIVER, ANSWER}}

grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.POLICE_LIAISON, Role.AUDITOR)
grant(READ, Role.POLICE_LIAISON)
grant(DELIVER, Role.POLICE_LIAISON, Role.SENIOR_ANALYST)
grant(ANSWER, Role.POLICE_LIAISON)
grant(HAND_OVER, Role.SENIOR_ANALYST)
grant(CHOOSE, Role.ANALYST, Role.SENIOR_ANALYST)
grant(POLICY, Role.SENIOR_ANALYST)
grant(PRESERVE, Role.POLICE_LIAISON, Role.SENIOR_ANALYST)
grant(EXPORT, Role.POLICE_LIAISON, Role.SENIOR_ANALYST, Role.AUDITOR)
register_scope(API_READ, _("Read referrals (police)"), kinds=_POLICE)
register_scope(API_WRITE, _("Answer referrals (police)"), kinds=_POLICE)
