"""The public face: no log-in, no cookie, the language in the address."""

from django.conf.urls.i18n import i18n_patterns

from mamori.site.faces import pages

urlpatterns = i18n_patterns(*pages("PUBLIC"), prefix_default_language=True)
