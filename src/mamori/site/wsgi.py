"""The WSGI application of the face named by MAMORI_FACE."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mamori.site.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
