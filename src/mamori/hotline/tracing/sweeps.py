from mamori.ground.jobs import sweep
from mamori.hotline.tracing import services


@sweep("tracing.retry")
def retry() -> None:
    services.traces_retry()
