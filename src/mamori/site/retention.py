"""The retention command's words: what is due, and what was destroyed after a named person's review."""

from django.utils.translation import gettext_lazy as _
from rich.table import Table

from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.ground.retention import DESTROY, MOST, retention_destroy, retention_review

# What no retention period ends, and why. Each table is here or in a data class (tests/architecture/test_retention.py).
KEPT = {
    "accounts_membership": "who may do what now; removed rows are in the log",
    "accounts_organisation": "institutions, no persons",
    "accounts_token": "which partner had which access; only the hash of its secret",
    "assessment_contentevent": "states and moments: what figures are computed from",
    "assessment_contentreport": "ids, days and sources: what figures are computed from",
    "assessment_criteria": "published law and guideline",
    "assessment_withdrawal": "moments of opinions taken back",
    "audit_checkpoint": "the log: ids and codes only, checked by others",
    "audit_event": "the log: ids and codes only, checked by others",
    "audit_seal": "the log: ids and codes only, checked by others",
    "audit_verification": "the log: ids and codes only, checked by others",
    "desks_figures": "counts only",
    "distribution_knotstate": "what the primary holds now",
    "distribution_offer": "numbers and moments of editions",
    "distribution_keptpiece": "a copy of one signed edition, which the next one replaces; the list in force",
    "distribution_wait": "what the edition in force holds back now; gone when it does not",
    "distribution_probe": "seconds of resolvers: no name",
    "fingerprints_change": "the feed: ids and kinds; every index follows all of it",
    "fingerprints_entry": "codes, moments, of its reference a keyed hash in the end; a tombstone must stay, so that it never comes back",
    "fingerprints_entryevent": "states and moments",
    "fingerprints_matchday": "counts only",
    "fingerprints_source": "organisations that vouch for entries",
    "exchange_meter": "how many fingerprints an organisation asked about in one minute and day, written over",
    "exchange_quota": "how many it may ask about",
    "intake_daycount": "counts only",
    "intake_oneuse": "spent proofs of work: a sweep forgets them after their hour",
    "listing_entryevent": "states and moments",
    "listing_signingkey": "public keys: what signatures are checked with",
    "listing_withdrawal": "signed endings: every edition must carry all of them",
    "referral_hold_mailings": "which letter told supervisors of which hold",
    "referral_mailing": "that police were written to, and when; names nothing",
    "referral_policy": "agreements with police",
    "takedown_ledgerentry": "the ledger of warnings to organisations",
    "takedown_notice": "states and moments of notices to organisations",
    "takedown_noticeletter": "that a notice was written, and when; its words end with letters.body",
    "takedown_removal": "states and moments: what figures are computed from",
    "takedown_step": "states and moments of escalation",
    "tracing_contact": "organisations' public mailboxes, which the ledger names",
    "django_cache": "at most a day old",
    "django_content_type": "names of tables",
    "django_migrations": "versions of tables",
    "django_session": "log-ins: ended after hours",
    "openness_commitment": "roots of editions and their salts: an auditor may ask; without the edition's files nothing opens",
    "openness_committedbase": "as openness_commitment",
    "openness_publishedperiod": "published figures with noise",
    "procrastinate_events": "moments of jobs; successful ones go with their job",
    "procrastinate_jobs": "work to be done; successful ones are deleted",
    "procrastinate_periodic_defers": "moments of jobs",
    "procrastinate_workers": "which worker lives",
}


def due_table() -> Table:
    """What has reached the end of its period, class by class."""
    table = Table("data class", "what", "kept for", "due now", "on legal hold", title="Retention")
    for due in retention_review(actor=SYSTEM):
        days = due.data_class.period.days
        number = f"{due.due}+" if due.due >= MOST else str(due.due)
        table.add_row(due.data_class.name, str(due.data_class.title), f"{days} days", number, str(due.held))
    return table


def destroy_due(name: str, reviewed_by: str) -> str:
    """Destroy what is due in one class. The log names this command, and the member who is said to have reviewed it."""
    user = User.objects.filter(email__iexact=reviewed_by, is_active=True).first()
    if user is None or not user.actor.may(DESTROY):
        raise DomainError(
            "reviewer_unknown",
            _("Nothing was destroyed: a member must have reviewed what is due."),
            remedy=_("Give --reviewed-by with the mail address of an active senior analyst or operator."),
        )
    done = retention_destroy(actor=SYSTEM, name=name, reviewer=user.actor)
    return f"{done} destroyed in {name}, said to be reviewed by {user.email}. This is in the log."
