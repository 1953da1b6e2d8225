from mamori.ground.actors import Role, grant

SEE = "checks.see"
CHECK = "checks.check"
EXPORT = "checks.export"

grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(CHECK, Role.ANALYST, Role.SENIOR_ANALYST)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
