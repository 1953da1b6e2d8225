from mamori.ground.jobs import sweep
from mamori.lists.listing import services


@sweep("listing.expire")
def expire() -> None:
    services.entries_expire()


@sweep("listing.review_held")
def review_held() -> None:
    services.held_review()


@sweep("listing.match_appeals")
def match_appeals() -> None:
    services.appeals_match()


@sweep("listing.look_for_control")
def look_for_control() -> None:
    services.control_look_all()
