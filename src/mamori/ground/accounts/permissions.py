from mamori.ground.actors import Role, grant

INVITE = "accounts.invite"
SEE_PEOPLE = "accounts.see"
MANAGE_TOKENS = "accounts.tokens"

grant(INVITE, Role.OPERATOR, Role.SENIOR_ANALYST)
grant(SEE_PEOPLE, Role.OPERATOR, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(MANAGE_TOKENS, Role.OPERATOR)
