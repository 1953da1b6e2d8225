from mamori.ground.actors import Role, grant

SEE = "audit.see"  # all of it
SEE_OWN = "audit.see_own"  # the events of one's own organisation
VERIFY = "audit.verify"
EXPORT = "audit.export"

grant(SEE, Role.AUDITOR)
grant(SEE_OWN, Role.AUDITOR, Role.SENIOR_ANALYST)
grant(VERIFY, Role.AUDITOR)
grant(EXPORT, Role.AUDITOR)
