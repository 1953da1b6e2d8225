_WRITE = "SELECT, INSERT, UPDATE"
GRANTS = {
    "referral_policy": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT", "partner": "SELECT"},
    "referral_mailing": {"staff": _WRITE, "worker": _WRITE, "partner": "SELECT"},
    "referral_hold_mailings": {"staff": "SELECT", "worker": _WRITE + ", DELETE", "partner": "SELECT"},
    "referral_referral": {"staff": _WRITE, "worker": _WRITE, "partner": "SELECT, UPDATE"},
    "referral_hold": {"staff": _WRITE, "worker": _WRITE, "partner": _WRITE},
    "referral_step": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT", "partner": "SELECT, INSERT"},
    "referral_evidence": {"staff": "SELECT, INSERT", "worker": "SELECT, INSERT", "partner": "SELECT"},
    "referral_preservation": {"staff": _WRITE, "worker": _WRITE},
}
