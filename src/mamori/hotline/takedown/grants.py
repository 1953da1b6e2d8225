_DESK = {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"}
_EVENTS = {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT"}
GRANTS = {
    "takedown_removal": _DESK,
    "takedown_notice": _DESK,
    "takedown_noticeitem": _DESK,
    "takedown_noticeletter": _EVENTS,
    # The public face reads pages sealed under their own link, and only drops answers into the box.
    "takedown_hosterpage": {
        "public": "SELECT",
        "staff": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, INSERT, UPDATE, DELETE",
    },
    "takedown_hosteranswer": {"public": "INSERT", "staff": "SELECT, UPDATE", "worker": "SELECT, UPDATE"},
    "takedown_step": _EVENTS,
    "takedown_ledgerentry": {"staff": "SELECT, INSERT", "worker": "SELECT"},
}
