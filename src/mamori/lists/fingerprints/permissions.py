from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.scopes import register_scope
from mamori.ground.actors import Role, grant

SEE = "fingerprints.see"
EXPORT = "fingerprints.export"
PROPOSE = "fingerprints.propose"
CONFIRM = "fingerprints.confirm"
WITHDRAW = "fingerprints.withdraw"
VOTE = "fingerprints.vote"
REVIEW = "fingerprints.review"
SOURCES = "fingerprints.sources"
IMPORT = "fingerprints.import"
IMAGES_MATCH = "images.match"  # scopes of tokens
IMAGES_READ = "images.read"
IMAGES_WRITE = "images.write"

_HOTLINE = (Role.ANALYST, Role.SENIOR_ANALYST)
grant(SEE, *_HOTLINE, Role.AUDITOR)
grant(EXPORT, Role.SENIOR_ANALYST, Role.AUDITOR)
grant(PROPOSE, *_HOTLINE)
grant(CONFIRM, *_HOTLINE)
grant(WITHDRAW, *_HOTLINE, Role.AUDITOR)  # oversight can order a withdrawal
grant(VOTE, *_HOTLINE)
grant(REVIEW, Role.SENIOR_ANALYST)
grant(SOURCES, Role.SENIOR_ANALYST)
grant(IMPORT, Role.SENIOR_ANALYST)
grant(IMAGES_MATCH)
grant(IMAGES_READ)
grant(IMAGES_WRITE)
_KINDS = frozenset({"provider", "hotline", "police", "list_body"})
register_scope(IMAGES_MATCH, _("Match fingerprints"), kinds=_KINDS)
register_scope(IMAGES_READ, _("Read shared fingerprints"), kinds=_KINDS)
register_scope(IMAGES_WRITE, _("Send fingerprints and feedback"), kinds=_KINDS)
