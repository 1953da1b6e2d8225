"""All settings, read from the environment in this one place (docs/operations.md has the table)."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from mamori.site import env

PACKAGE = Path(__file__).resolve().parent.parent

# --- which face ---------------------------------------------------------------------------------------------
FACE = env.text("MAMORI_FACE", "manage")
if FACE not in {"public", "staff", "partner", "worker", "manage"}:
    raise env.SettingError(f"MAMORI_FACE must be public, staff, partner, worker or manage, not {FACE!r}")
DEMO = env.flag("MAMORI_DEMO")
DEMO_CLOCK_FILE = env.path("MAMORI_DEMO_CLOCK_FILE") if DEMO else None
SWEEP_SECONDS = int(env.number("MAMORI_SWEEP_SECONDS", 60))

# --- Django -------------------------------------------------------------------------------------------------
SECRET_KEY = env.text("MAMORI_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = env.items("MAMORI_HOSTS", "127.0.0.1,localhost")
ROOT_URLCONF = f"mamori.site.urls_{FACE}" if FACE in {"public", "staff", "partner"} else "mamori.site.urls_manage"
WSGI_APPLICATION = "mamori.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "procrastinate.contrib.django",
    "mamori.ground.ui",
    "mamori.ground.audit",
    "mamori.ground.accounts",
    "mamori.ground.sealed",
    "mamori.ground.letters",
    "mamori.hotline.intake",
    "mamori.hotline.assessment",
    "mamori.hotline.tracing",
    "mamori.hotline.referral",
    "mamori.hotline.checks",
    "mamori.hotline.takedown",
    "mamori.lists.listing",
    "mamori.lists.distribution",
    "mamori.lists.openness",
    "mamori.lists.fingerprints",
    "mamori.lists.exchange",
    "mamori.desks",
    "mamori.site",
    # After ours, so that our templates and words stand before theirs.
    *([] if FACE in {"public", "partner"} else ["allauth", "allauth.account", "allauth.mfa"]),
]
_COMMON = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
]
_STAFF = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "mamori.ground.accounts.middleware.StaffGate",
    "django_htmx.middleware.HtmxMiddleware",
    "mamori.ground.errors.ErrorPages",
]
# The public face keeps no session and sets no cookie: the language stands in the address.
_PUBLIC = [
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "mamori.ground.errors.ErrorPages",
]
_PARTNER = ["django.middleware.common.CommonMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"]
_FIRST = ["mamori.lists.listing.stop.StopPage"] if FACE == "public" else []
MIDDLEWARE = _FIRST + _COMMON + {"public": _PUBLIC, "partner": _PARTNER}.get(FACE, _STAFF)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                *(
                    []
                    if FACE in {"public", "partner"}
                    else [
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "mamori.desks.context.desk",
                    ]
                ),
            ],
            "builtins": ["mamori.ground.ui.templatetags.ui", "django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]
FORM_RENDERER = "mamori.ground.ui.forms.Renderer"

# --- database: one role per face, see mamori.site.database ----------------------------------------------------
_url = urlsplit(env.text("DATABASE_URL"))
if _url.scheme not in {"postgres", "postgresql"}:
    raise env.SettingError("DATABASE_URL must begin with postgresql://: Mamori runs on PostgreSQL only")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/") or "mamori",
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        "HOST": unquote(_url.hostname or ""),
        "PORT": _url.port or "",
        "CONN_MAX_AGE": 600 if FACE in {"public", "staff", "partner"} else None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": f"mamori-{FACE}"},
        "TEST": {"NAME": f"{_url.path.lstrip('/')}_test"},
    }
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}
    if FACE in {"staff", "manage"}
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- language and time ----------------------------------------------------------------------------------------
LANGUAGE_CODE = env.text("MAMORI_LANGUAGE", "ja")
LANGUAGES = [("ja", _("Japanese")), ("en", _("English"))]
LANGUAGE_COOKIE_HTTPONLY = True
USE_TZ = True
TIME_ZONE = env.text("MAMORI_TIME_ZONE", "Asia/Tokyo")

# --- what browsers are told -----------------------------------------------------------------------------------
HTTPS = env.flag("MAMORI_HTTPS", default=not DEMO)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^static/"]  # the stop page can only appear over http
SECURE_HSTS_SECONDS = 2 * 365 * 86400 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Browsers send "Origin: null" with the forms of a page that has "no-referrer", which the CSRF check must refuse.
SECURE_REFERRER_POLICY = "no-referrer" if FACE in {"public", "partner"} else "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("MAMORI_BEHIND_PROXY") else None
try:  # staff: networks of proxies whose X-Forwarded-For is believed, for the limits of log-ins alone
    TRUSTED_PROXIES = [ip_network(each) for each in env.items("MAMORI_TRUSTED_PROXIES")]
except ValueError as error:
    raise env.SettingError(f"MAMORI_TRUSTED_PROXIES: {error}") from error
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "mamori.ground.errors.foreign_form"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_SECONDS = int(env.number("MAMORI_SESSION_IDLE_SECONDS", 3600))
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["mamori.ground.ui.uploads.InMemory"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a host ticks pages of a notice: there may be thousands
STATIC_URL = "/static/"
STATIC_ROOT = env.path("MAMORI_STATIC_ROOT") or PACKAGE / "static-collected"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- accounts: password and a second factor for everybody -------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "mamori.ground.accounts.adapter.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation is sent to the address, so it is verified when accepted
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_ADAPTER = "mamori.ground.accounts.adapter.SecondFactorAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # verified by the invitation, see above
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Mamori"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMO

# --- mail -------------------------------------------------------------------------------------------------------
SMTP_HOST = env.text("MAMORI_SMTP_HOST", "127.0.0.1")
SMTP_PORT = int(env.number("MAMORI_SMTP_PORT", 25))
SMTP_STARTTLS = env.flag("MAMORI_SMTP_STARTTLS", default=not DEMO)
SMTP_USER = env.text("MAMORI_SMTP_USER", "")
SMTP_PASSWORD = env.text("MAMORI_SMTP_PASSWORD", "")
MAIL_FROM = env.text("MAMORI_MAIL_FROM", "hotline@mamori.example")
MAIL_BOUNCE_DOMAIN = env.text("MAMORI_MAIL_BOUNCE_DOMAIN", "bounces.mamori.example")
EMAIL_BACKEND = "mamori.ground.letters.backend.OutboxBackend"
DEFAULT_FROM_EMAIL = MAIL_FROM

# --- addresses of the three faces, for links in letters -----------------------------------------------------------
PUBLIC_URL = env.text("MAMORI_PUBLIC_URL", "http://127.0.0.1:8000")
STAFF_URL = env.text("MAMORI_STAFF_URL", "http://127.0.0.1:8001")
PARTNER_URL = env.text("MAMORI_PARTNER_URL", "http://127.0.0.1:8002")
CSRF_TRUSTED_ORIGINS = [STAFF_URL]

# --- keys: each face is given only those it needs (docs/operations.md) ---------------------------------------------
SEAL_PUBLIC_KEY = env.text("MAMORI_SEAL_PUBLIC_KEY", "")  # public, partner, staff: base64, 32 bytes
SEAL_PRIVATE_KEY = env.text("MAMORI_SEAL_PRIVATE_KEY", "")  # staff only: base64, 32 bytes
SEAL_OLD_PRIVATE_KEYS = env.items("MAMORI_SEAL_OLD_PRIVATE_KEYS")  # staff, while a change of the key is under way
RECEIPT_PEPPER = env.text("MAMORI_RECEIPT_PEPPER", "")  # public and staff: any secret text
RECEIPT_KEY_FILE = env.path("MAMORI_RECEIPT_KEY")  # public and staff: Ed25519 PEM, signs receipts
RECEIPT_NAME = env.text("MAMORI_RECEIPT_NAME", "mamori.example/receipts")  # the receipt key's public name
POW_KEY = env.text("MAMORI_POW_KEY", "")  # public: any secret text, signs proof-of-work challenges
QUEUE_SECONDS = int(env.number("MAMORI_QUEUE_SECONDS", 20))  # how long a form waits that is sent without JavaScript
QUEUE_PER_MINUTE = int(env.number("MAMORI_QUEUE_PER_MINUTE", 60))  # such forms let through, for each process
SCREENING_DELAY_SECONDS = env.number("MAMORI_SCREENING_DELAY_SECONDS", 300)  # worker: mean; hides when a report came
TOKEN_PEPPER = env.text("MAMORI_TOKEN_PEPPER", "")  # staff, partner: any secret text
LOG_KEY_FILE = env.path("MAMORI_LOG_KEY")  # worker: Ed25519 PEM, signs the log's checkpoints
EVIDENCE_KEY_FILE = env.path("MAMORI_EVIDENCE_KEY")  # worker and staff: Ed25519 PEM, signs evidence bundles
EDITION_KEY_DIR = env.path("MAMORI_EDITION_KEYS")  # worker: folder of root, targets, snapshot, timestamp PEM
HOSTER_KEY = env.text("MAMORI_HOSTER_KEY", "")  # public, staff and worker: signs the links to the hoster's page

# --- outside systems ------------------------------------------------------------------------------------------------
LOG_ORIGIN = env.text("MAMORI_LOG_ORIGIN", "mamori.example/log")
WITNESS_URL = env.text("MAMORI_WITNESS_URL", "")
WITNESS_KEY = env.text("MAMORI_WITNESS_KEY", "")  # the witness's verifier key (C2SP signed-note form)
JURISDICTION = env.text("MAMORI_JURISDICTION", "JP")
EXPOSURE_HOURS = env.number("MAMORI_EXPOSURE_HOURS", 4)  # under lease per analyst and day
QA_SHARE = env.number("MAMORI_QA_SHARE", 0.05)  # dismissals that get a blind second opinion
NAMESERVERS = env.items("MAMORI_NAMESERVERS")  # host:port; empty: the system's own
RDAP_BOOTSTRAP = env.text("MAMORI_RDAP_BOOTSTRAP", "https://data.iana.org/rdap/")
ROUTES_FILE = env.path("MAMORI_ROUTES")  # prefix TAB asn TAB name TAB country
ABUSIX_ZONE = env.text("MAMORI_ABUSIX_ZONE", "abuse-contacts.abusix.zone")
RECHECK = env.flag("MAMORI_RECHECK")  # nothing is fetched unless the hotline switches this on
RECHECK_ALLOW_NETWORKS = env.items("MAMORI_RECHECK_ALLOW_NETWORKS") if DEMO else []  # the demo world's loopback
RECHECK_PORT_MAP = dict(pair.split("=", 1) for pair in env.items("MAMORI_RECHECK_PORT_MAP")) if DEMO else {}
RECHECK_VANTAGE_POINTS = int(env.number("MAMORI_RECHECK_VANTAGE_POINTS", 1))
RECHECK_VANTAGE = env.text("MAMORI_RECHECK_VANTAGE", "1")  # worker: the name of the place it looks from
KNOT_SOCKET = env.text("MAMORI_KNOT_SOCKET", "")
KNOT_ZONE_DIR = env.path("MAMORI_KNOT_ZONE_DIR")  # worker: folder knotd reads too, where large zones are handed over
KNOT_LOG = env.path("MAMORI_KNOT_LOG")  # worker: knotd's log of transfers; staff only knows whether it is read
NOTIFY_FROM = env.sources("MAMORI_NOTIFY_FROM")  # worker: the primary's addresses; none: as the system chooses
LAG_SECONDS = env.number(
    "MAMORI_LAG_SECONDS", 180
)  # until a DNS subscriber that has not fetched an edition is an alarm
LAG_FILES_SECONDS = env.number("MAMORI_LAG_FILES_SECONDS", 3600)  # the same for subscribers of files
LIST_JUDGES = env.items("MAMORI_LIST_JUDGES", "bind,knot,unbound,powerdns")  # of a rebuilt list
LIST_ZONE_NXDOMAIN = env.text("MAMORI_LIST_ZONE_NXDOMAIN", "nx.list")
LIST_ZONE_STOP = env.text("MAMORI_LIST_ZONE_STOP", "stop.list")
STOP_PAGE_HOST = env.text("MAMORI_STOP_PAGE_HOST", "stop.mamori.example")
LIST_BODY = env.text("MAMORI_LIST_BODY", "")  # public: the body that decides on the list, named on the stop page
LIST_ACCEL = env.text("MAMORI_LIST_ACCEL", "").rstrip("/")  # nginx's internal place of the folder of editions
EDITION_DIR = env.path("MAMORI_EDITION_DIR")  # worker: where signed editions are written
_RINGS = env.items("MAMORI_RING_SECONDS", "0,0")
if len(_RINGS) != 2 or not all(each.isascii() and each.isdecimal() for each in _RINGS):
    raise env.SettingError("MAMORI_RING_SECONDS must be two numbers of seconds, such as 600,1800.")
RING_SECONDS = int(_RINGS[0]), int(_RINGS[1])  # staff, worker: how long an addition waits in ring 0, and in ring 1
PROBE_RESOLVERS = dict(pair.split("=", 1) for pair in env.items("MAMORI_PROBE_RESOLVERS"))  # name=host:port
PROBE_OUTSIDE = dict(pair.split("=", 1) for pair in env.items("MAMORI_PROBE_OUTSIDE"))  # asked for the canary only
CANARY_NAME = env.text("MAMORI_CANARY_NAME", "canary.mamori.example")
CANARY_DOMAINS = env.items("MAMORI_CANARY_DOMAINS")  # staff and worker: our own; each subscriber gets names under them
LIST_PRIMARY = env.text("MAMORI_LIST_PRIMARY", "")  # host:port of the primary, told to subscribers
POPULAR_NAMES = env.text("MAMORI_POPULAR_NAMES", "")  # never blocked as a whole, beside those that come along
LIST_MAX_ADDED = int(env.number("MAMORI_LIST_MAX_ADDED", 1000))  # entries that may be added to the list in 24 hours
LIST_THIRD_AT = int(
    env.number("MAMORI_LIST_THIRD_AT", 10)
)  # other names known below a name: a third person signs; 0: never
LIST_THIRD_NAMES = env.text("MAMORI_LIST_THIRD_NAMES", "")  # names that a third person signs for, such as a ranking
IMAGE_INDEX = env.path("MAMORI_IMAGE_INDEX")  # follower writes, partner reads: folder of the index of known images
FLOOD_HITS = int(env.number("MAMORI_FLOOD_HITS", 200))  # matched uploads in 24 hours at which a new entry is held
if FLOOD_HITS < 1:
    raise env.SettingError("MAMORI_FLOOD_HITS must be at least 1: an entry that matched nothing cannot be held.")
SUBSCRIBER_KEY = env.text("MAMORI_SUBSCRIBER_KEY", "")  # staff and worker: any secret text, derives TSIG keys

# --- logging: no request line, no address, no user agent ---------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
    "filters": {
        # A partner's machine that asks for the next root, which is not there, is no news: it does so each minute.
        "not_missing": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 404,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django.request": {"public": {"level": "CRITICAL"}, "partner": {"filters": ["not_missing"]}}.get(FACE, {}),
        "django.security": {"level": "CRITICAL"} if FACE == "public" else {},
    },
}
SILENCED_SYSTEM_CHECKS = (
    ["security.W003"] if FACE in {"public", "partner"} else []
)  # no cookies there: nothing to forge
