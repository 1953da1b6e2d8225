"""Management commands and tests know the pages of the public and the staff face."""

from mamori.site import urls_partner, urls_public, urls_staff

urlpatterns = [*urls_staff.urlpatterns, *urls_public.urlpatterns, *urls_partner.urlpatterns]
