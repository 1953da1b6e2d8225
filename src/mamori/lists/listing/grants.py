"""The public face adds appeals and reads nothing."""

GRANTS = {
    "listing_signingkey": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "listing_candidate": {"staff": "SELECT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
    "listing_entry": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "listing_entryevent": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT"},
    "listing_approval": {"staff": "SELECT, INSERT", "worker": "SELECT"},
    "listing_withdrawal": {"staff": "SELECT", "worker": "SELECT, INSERT"},
    "listing_opinion": {"staff": "SELECT, INSERT", "worker": "SELECT"},
    "listing_appeal": {"public": "INSERT", "staff": "SELECT, UPDATE", "worker": "SELECT, UPDATE"},
}
