from mamori.ground.actors import Role, grant

SEARCH = "desks.search"
FIGURES = "desks.figures"
_CASE_ROLES = (
    Role.ANALYST,
    Role.SENIOR_ANALYST,
    Role.POLICE_LIAISON,
    Role.LIST_REVIEWER,
    Role.LIST_APPROVER,
    Role.AUDITOR,
)

grant(SEARCH, *_CASE_ROLES)
grant(FIGURES, *_CASE_ROLES)
