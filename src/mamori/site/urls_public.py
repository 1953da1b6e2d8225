"""The public face: no log-in, no cookie, the language in the address."""

from django.conf.urls.i18n import i18n_patterns

from mamori.site.faces import pages

handler400 = "mamori.ground.errors.unreadable"
handler403 = "mamori.ground.errors.forbidden"
handler404 = "mamori.ground.errors.no_such_page"
handler500 = "mamori.ground.errors.failed"
urlpatterns = i18n_patterns(*pages("PUBLIC"), prefix_default_language=True)
