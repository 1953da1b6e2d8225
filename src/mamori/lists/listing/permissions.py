from mamori.ground.actors import Role, grant

SEE = "listing.see"
EXPORT = "listing.export"
PROPOSE = "listing.propose"
ACTIVATE = "listing.activate"
WITHDRAW = "listing.withdraw"
REVIEW = "listing.review"
OPEN_SEALED = "listing.open_sealed"
OWN_KEY = "listing.own_key"
CONFIRM_KEY = "listing.confirm_key"

_BODY = (Role.LIST_REVIEWER, Role.LIST_APPROVER)
grant(SEE, *_BODY, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(EXPORT, Role.LIST_APPROVER, Role.AUDITOR)
grant(PROPOSE, Role.LIST_REVIEWER)
grant(ACTIVATE, Role.LIST_APPROVER)
grant(WITHDRAW, *_BODY, Role.AUDITOR)  # oversight can order a removal
grant(REVIEW, *_BODY)
grant(OPEN_SEALED, *_BODY)
grant(OWN_KEY, *_BODY)
grant(CONFIRM_KEY, Role.LIST_APPROVER, Role.OPERATOR)
