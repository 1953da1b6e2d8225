from mamori.ground.actors import Role, grant

INVITE = "accounts.invite"  # into one's own organisation
INVITE_ANYWHERE = "accounts.invite_anywhere"  # and create organisations
SEE_PEOPLE = "accounts.see"
SEE_ALL_PEOPLE = "accounts.see_all"
EXPORT_PEOPLE = "accounts.export"
MANAGE_TOKENS = "accounts.tokens"

grant(INVITE, Role.OPERATOR, Role.SENIOR_ANALYST)
grant(INVITE_ANYWHERE, Role.OPERATOR)
grant(SEE_PEOPLE, Role.OPERATOR, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(SEE_ALL_PEOPLE, Role.OPERATOR, Role.AUDITOR)
grant(EXPORT_PEOPLE, Role.AUDITOR)
grant(MANAGE_TOKENS, Role.OPERATOR)
