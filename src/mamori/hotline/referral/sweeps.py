from mamori.ground.jobs import sweep
from mamori.hotline.referral import services


@sweep("referral.send")
def send() -> None:
    services.referrals_send()


@sweep("referral.mend")
def mend() -> None:
    services.referrals_mend()


@sweep("referral.clocks")
def clocks() -> None:
    services.clocks_run()
