from mamori.ground.actors import Role, grant

SEE = "tracing.see"
SEE_HOSTS = "tracing.see_hosts"  # of all content, whatever was found about it
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
grant(SEE_HOSTS, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(CONFIRM, Role.ANALYST, Role.SENIOR_ANALYST)
grant(APPROVE, Role.ANALYST, Role.SENIOR_ANALYST)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
