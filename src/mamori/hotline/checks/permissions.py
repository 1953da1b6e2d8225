from mamori.ground.actors import Role, grant

SEE = "checks.see"
CHECK = "checks.check"

grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(CHECK, Role.ANALYST, Role.SENIOR_ANALYST)
