from mamori.ground.actors import Role, grant

ASSESS = "assessment.assess"
ARBITRATE = "assessment.arbitrate"
LIFT_EXPOSURE = "assessment.lift_exposure"
REOPEN = "assessment.reopen"
SEE = "assessment.see"
EXPORT = "assessment.export"

grant(ASSESS, Role.ANALYST, Role.SENIOR_ANALYST)
grant(ARBITRATE, Role.SENIOR_ANALYST)
grant(LIFT_EXPOSURE, Role.SENIOR_ANALYST)
grant(REOPEN, Role.SENIOR_ANALYST)
grant(
    SEE,
    Role.ANALYST,
    Role.SENIOR_ANALYST,
    Role.POLICE_LIAISON,
    Role.LIST_REVIEWER,
    Role.LIST_APPROVER,
    Role.AUDITOR,
)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
