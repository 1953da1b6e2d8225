"""Which process holds which key: each its own, and no other's."""

SECRETS = {
    "SEAL_PUBLIC_KEY": ("public", "staff", "partner", "worker"),
    "SEAL_PRIVATE_KEY": ("staff",),
    "RECEIPT_PEPPER": ("public", "staff"),
    "TOKEN_PEPPER": ("staff", "partner", "worker"),
    "POW_KEY": ("public",),
    "HOSTER_KEY": ("public", "staff", "worker"),
    "SUBSCRIBER_KEY": ("staff", "worker"),
}
"""Settings (without MAMORI_) that are the key itself -> the faces that hold it."""
KEY_FILES = {
    "RECEIPT_KEY": ("public", "staff"),
    "EVIDENCE_KEY": ("staff", "worker"),
    "LOG_KEY": ("worker",),
}
"""Settings (without MAMORI_) that name a file with a private key -> the faces that hold it."""
