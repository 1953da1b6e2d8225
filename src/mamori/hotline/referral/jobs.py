from mamori.ground.jobs import task
from mamori.hotline.referral import services


@task("referral.send")
def send() -> None:
    services.referrals_send()
