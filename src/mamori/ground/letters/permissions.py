from mamori.ground.actors import Role, grant
from mamori.ground.letters.states import RESOLVE

SEE = "letters.see"
EXPORT = "letters.export"

grant(RESOLVE, Role.SENIOR_ANALYST)
grant(SEE, Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
