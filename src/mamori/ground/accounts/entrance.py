"""The entrance of the staff face: log-in, second factor, invitation, language. Only these of allauth's pages are used."""

import qrcode
from allauth.account import views
from allauth.account.internal.flows.login import record_authentication
from allauth.core import ratelimit
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import get_totp_secret
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import TemplateView
from django.views.i18n import set_language

from mamori.ground.accounts import services, signals
from mamori.ground.accounts.forms import InvitationForm
from mamori.ground.errors import DomainError


@never_cache
def totp_qr(request: HttpRequest) -> HttpResponse:
    """The secret being set up, as a picture an authenticator app reads. 404 when none is being set up."""
    if "mfa.totp.secret" not in request.session:
        return HttpResponse(status=404)
    code = qrcode.QRCode(border=4)
    code.add_data(get_adapter().build_totp_url(request.user, get_totp_secret()))
    rows = code.get_matrix()
    squares = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {len(rows)} {len(rows)}" width="240" height="240"'
        f' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{len(rows)}v{len(rows)}H0z"/><path d="{squares}"/></svg>'
    )
    return HttpResponse(svg, content_type="image/svg+xml")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "password_again")
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Accept an invitation: choose name and password, then go on to the second factor."""
    found = services.invitation_find(secret)
    account = services.invitation_account(found)
    form = InvitationForm(request.POST or None, account=account)
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, action="login_failed", key=f"invitation:{found.id}"):
            raise DomainError(
                "too_many_attempts",
                _("Too many attempts."),
                remedy=_("Wait five minutes and try again."),
                status=429,
            )
        try:
            user = services.invitation_accept(
                secret=secret, name=form.cleaned_data.get("name", ""), password=form.cleaned_data["password"]
            )
        except DomainError as error:
            if error.code not in {"weak_password", "wrong_password"}:
                raise
            form.add_error("password", f"{error.message} {error.remedy}".strip())
        else:
            if account == "known":
                return redirect("account_login")
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            record_authentication(request, user, method="password", email=user.email, reauthenticated=True)
            return redirect("mfa_index")
    return render(
        request,
        "accounts/invitation.html",
        {"form": form, "invitation": found, "account": account},
        status=422 if form.errors else 200,
    )


forgotten = login_not_required(TemplateView.as_view(template_name="account/password_reset.html"))

urlpatterns = [
    path("account/login/", views.login, name="account_login"),
    path("account/logout/", login_not_required(views.logout), name="account_logout"),
    path("account/inactive/", views.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", views.password_change, name="account_change_password"),
    path("account/password/reset/", forgotten, name="account_reset_password"),
    path("account/2fa/totp/qr.svg", totp_qr, name="accounts_totp_qr"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path("invitation/<str:secret>/", invitation, name="accounts_invitation"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
]
signals.connect()
