from mamori.ground.actors import Role, grant

SEARCH = "desks.search"
FIGURES = "desks.figures"
SEE_STUCK = "desks.see_stuck"
_ALL_BUT_THE_OPERATOR = (
    Role.ANALYST,
    Role.SENIOR_ANALYST,
    Role.POLICE_LIAISON,
    Role.LIST_REVIEWER,
    Role.LIST_APPROVER,
    Role.AUDITOR,
)

grant(SEARCH, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(FIGURES, *_ALL_BUT_THE_OPERATOR)
grant(SEE_STUCK, Role.OPERATOR, Role.SENIOR_ANALYST)
