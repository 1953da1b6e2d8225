"""Steps that tests of referrals share."""

from datetime import timedelta

from mamori.ground import jobs
from mamori.ground.actors import SYSTEM
from mamori.ground.letters.models import Letter
from mamori.hotline.referral import services
from mamori.hotline.referral.models import Referral, Step
from tests.hotline.outside import content

HOUR = timedelta(hours=1)
BOX, DUTY, CHIEF = "desk@police.example", "duty@police.example", "chief@police.example"


def refer(urgent=False, url="http://kiku.example/page"):
    item = content(url)
    return services.referral_open(actor=SYSTEM, content_id=item, urgent=urgent)


def row(referral_id):
    return Referral.objects.get(id=referral_id)


def steps(referral_id, kind):
    return Step.objects.filter(referral_id=referral_id, kind=kind)


def send(handed=True):
    """Run the sweep; the letters are taken by the mail server, or refused. Returns them."""
    jobs.run_sweep("referral.send")
    letters = list(Letter.objects.filter(kind="police_notify", state="queued"))
    for letter in letters:
        letter.state = "handed" if handed else "refused"
        letter.save()
        act = services.mailing_handed if handed else services.mailing_failed
        act(letter_id=letter.id)
    return letters


def deliver(referral_id, officer):
    services.referral_opened_by_officer(actor=officer, referral_id=referral_id, officer="Sergeant Doi")


def tick(frozen, span=timedelta()):
    frozen.shift(span)
    jobs.run_sweep("referral.clocks")


def supervisors_told(handed=True):
    """Their letters are taken by the mail server, or refused. Returns how many."""
    letters = list(Letter.objects.filter(kind="police_supervisors", state="queued"))
    for letter in letters:
        letter.state = "handed" if handed else "refused"
        letter.save()
        (services.mailing_handed if handed else services.mailing_failed)(letter_id=letter.id)
    return len(letters)
