from mamori.ground.actors import Role, grant

SEE = "tracing.see"
CONFIRM = "tracing.confirm"
APPROVE = "tracing.approve_contact"
EXPORT = "tracing.export"

grant(
    SEE,
    Role.ANALYST,
    Role.SENIOR_ANALYST,
    Role.POLICE_LIAISON,
    Role.LIST_REVIEWER,
    Role.LIST_APPROVER,
    Role.AUDITOR,
)
grant(CONFIRM, Role.ANALYST, Role.SENIOR_ANALYST)
grant(APPROVE, Role.ANALYST, Role.SENIOR_ANALYST)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
