from mamori.ground.actors import Role, grant

SEE = "takedown.see"  # all notices and their addresses: the hotline and oversight
CASE = "takedown.case"  # what was tried for one content, on its case, which shows police and list body only theirs
SEND = "takedown.send"
CLOSE = "takedown.close"
WARN = "takedown.warn"
EXPORT = "takedown.export"

grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(
    CASE, Role.ANALYST, Role.SENIOR_ANALYST, Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.LIST_APPROVER, Role.AUDITOR
)
grant(SEND, Role.ANALYST, Role.SENIOR_ANALYST)
grant(CLOSE, Role.SENIOR_ANALYST)
grant(WARN, Role.SENIOR_ANALYST)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
