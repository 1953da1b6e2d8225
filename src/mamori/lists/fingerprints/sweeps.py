from mamori.ground.jobs import sweep
from mamori.lists.fingerprints import services


@sweep("fingerprints.expire_harmless")
def expire_harmless() -> None:
    services.harmless_expire()


@sweep("fingerprints.close_imports")
def close_imports() -> None:
    services.imports_close()
    services.imports_resume()
