_LOG_IN = "SELECT, INSERT, UPDATE, DELETE"
GRANTS = {
    "accounts_user": {"staff": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "accounts_organisation": {"staff": "SELECT, INSERT", "partner": "SELECT", "worker": "SELECT"},
    "accounts_membership": {"staff": "SELECT, INSERT, DELETE", "worker": "SELECT"},
    "accounts_invitation": {"staff": "SELECT, INSERT, UPDATE"},
    "accounts_token": {"staff": "SELECT, INSERT, UPDATE", "partner": "SELECT"},
    "account_emailaddress": {"staff": _LOG_IN},
    "account_emailconfirmation": {"staff": _LOG_IN},
    "mfa_authenticator": {"staff": _LOG_IN},
    "django_session": {"staff": _LOG_IN},
    "django_cache": {"staff": _LOG_IN},
}
