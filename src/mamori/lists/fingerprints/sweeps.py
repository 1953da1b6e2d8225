from mamori.ground.jobs import sweep
from mamori.lists.fingerprints import services


@sweep("fingerprints.expire_harmless")
def expire_harmless() -> None:
    services.harmless_expire()
