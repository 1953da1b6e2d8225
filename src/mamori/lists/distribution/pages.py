"""Editions, subscribers and the kill switch."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from mamori.engine.editions import LAST_RING
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.lists.distribution import forms, queries, services
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.permissions import FOLLOW, HALT, KILL, RESTORE, SUBSCRIBERS
from mamori.lists.distribution.services.rings import first_ring
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import ALIVE, Delivery, EditionState, Standing
from mamori.lists.distribution.tables import (
    ChangeTable,
    EditionTable,
    FollowingTable,
    OfferTable,
    SubscriberTable,
    WaitingTable,
    reasons_of,
    with_effect,
)
from mamori.lists.listing.permissions import WITHDRAW


@require_GET
def editions(request: StaffRequest) -> HttpResponse:
    table = EditionTable(request.GET, queries.editions(request.actor), actor=request.actor)
    context: dict[str, Any] = {
        "primary": queries.primary(),
        "canaries": queries.canaries(),
        "kill": queries.open_kill(),
        "in_force": queries.in_force(),
        "sees_targets": queries.sees_targets(request.actor),
        "may_subscribers": request.actor.may(SUBSCRIBERS),
        "may_kill": request.actor.may(KILL),
        "may_follow": request.actor.may(FOLLOW),
    }
    return table_page(request, "distribution/editions.html", table, "editions", **context)


@require_GET
def following(request: StaffRequest) -> HttpResponse:
    table = FollowingTable(request.GET, queries.following(request.actor), actor=request.actor)
    context: dict[str, Any] = {
        "in_force": queries.in_force(),
        "late": queries.late(request.actor, Standing.LATE),
        "old_base": queries.late(request.actor, Standing.OLD_BASE),
        "knows_transfers": settings.KNOT_LOG is not None,
    }
    return table_page(request, "distribution/following.html", table, "following", **context)


@require_GET
def refused(_request: StaffRequest) -> HttpResponse:
    return redirect(f"{reverse('distribution_editions')}?editions-state=refused")


@require_GET
def edition(request: StaffRequest, version: int) -> HttpResponse:
    row = with_effect(request.actor, [queries.edition_of(request.actor, version)])[0]
    table = ChangeTable(request.GET, queries.changes_of(request.actor, row), actor=request.actor)
    facts = [
        KeyValue(_("Signed"), row.built_at, "moment"),
        KeyValue(_("Published at"), row.published_at, "moment"),
        KeyValue(_("Names"), row.names, "number"),
        KeyValue(_("Pages"), row.urls, "number"),
        KeyValue(_("Entries added"), row.added, "number"),
        KeyValue(_("Lifted"), row.removed, "number"),
        KeyValue(_("Seconds to effect"), row.effect),
        KeyValue(_("Digest"), row.digest, "digest"),
    ]
    may_take_back = row.state == EditionState.PUBLISHED and row.added and request.actor.may(WITHDRAW)
    return table_page(
        request,
        "distribution/edition.html",
        table,
        f"edition-{version}",
        may_take_back=may_take_back,
        edition=row,
        facts=facts,
        reasons=reasons_of(request.actor, row),
        sees_targets=queries.sees_targets(request.actor),
    )


@require_http_methods(["GET", "POST"])
def take_back(request: StaffRequest, version: int) -> HttpResponse:
    """Withdraw what an edition brought: asks first, then one person is enough."""
    row = queries.edition_of(request.actor, version)
    if request.method == "POST":
        count = services.edition_withdraw(actor=request.actor, version=row.version)
        messages.success(request, _text("%(n)d entries are withdrawn; the next edition lifts them.") % {"n": count})
        return redirect("distribution_edition", row.version)
    request.actor.require(WITHDRAW)
    context = {
        "title": _("Take back what edition %(version)d brought") % {"version": row.version},
        "consequence": _(
            "Every entry it brought and that is still in force is lifted everywhere within seconds. To list one again it"
            " must be proposed and activated anew."
        ),
        "confirm_label": _("Lift them"),
        "danger": True,
        "cancel_url": reverse("distribution_edition", args=[row.version]),
    }
    return render(request, "ui/confirm.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
def subscribers(request: StaffRequest) -> HttpResponse:
    rows = queries.subscribers(request.actor)
    form = forms.SubscriberForm(request.POST or None, has_rings=first_ring() < LAST_RING)
    error = None
    if request.method == "POST" and form.is_valid():
        try:
            subscriber, secret = services.subscriber_add(
                actor=request.actor,
                organisation=form.cleaned_data["organisation"],
                delivery=Delivery(form.cleaned_data["delivery"]),
                notify=form.cleaned_data["notify"],
                asks_from=form.cleaned_data["asks_from"],
                ours=form.cleaned_data.get("ours", False),
            )
        except DomainError as refusal:
            error = refusal
        else:
            return _secret(request, subscriber, secret)
    table = SubscriberTable(request.GET, rows, actor=request.actor)
    return table_page(
        request,
        "distribution/subscribers.html",
        table,
        "subscribers",
        form=form,
        error=error,
        mute=queries.mute_subscribers(),
        status=422 if error else 200,
    )


@require_http_methods(["GET", "POST"])
@never_cache
def subscriber(request: StaffRequest, subscriber_id: UUID) -> HttpResponse:
    row = queries.subscriber_of(request.actor, subscriber_id)
    step = request.GET.get("step")
    if step == "key":
        return _new_key(request, row)
    takes_zones = row.delivery != Delivery.URL
    posted = request.POST if step == "servers" and request.method == "POST" else None
    places = {"notify": row.notify, "asks_from": "\n".join(row.asks_from)}
    servers = forms.ServersForm(posted, initial=places) if takes_zones else None
    error = None
    if posted is not None and servers is not None and servers.is_valid():
        try:
            services.subscriber_servers(actor=request.actor, subscriber_id=row.id, **servers.cleaned_data)
        except DomainError as refusal:
            error = refusal
        else:
            messages.success(
                request,
                _text("Kept: within seconds the primary does as these addresses say."),
            )
            return redirect("distribution_subscriber", row.id)
    facts = [
        KeyValue(_("How it takes the list"), row.delivery, "state:delivery"),
        KeyValue(_("State"), row.state, "state:subscriber"),
        KeyValue(_("Address told of changes"), row.notify),
        KeyValue(_("Since"), row.added_at, "moment"),
        KeyValue(_("Set up on"), row.applied_at, "moment"),
        KeyValue(_("Revoked"), row.revoked_at, "moment"),
    ]
    if takes_zones:
        facts.insert(3, KeyValue(_("Asks from"), ", ".join(row.askers)))
        facts.insert(2, KeyValue(_("Name of its key"), key_name(row)))
        if row.ring < LAST_RING or first_ring() < LAST_RING:
            facts.insert(3, KeyValue(_("Gets additions with"), str(row.ring), "state:ring"))
    form = forms.ResolversForm(
        None if step else request.POST or None, names=queries.watched(), initial={"resolvers": row.resolvers}
    )
    if request.method == "POST" and not step and form.is_valid():
        services.subscriber_resolvers(
            actor=request.actor, subscriber_id=row.id, resolvers=form.cleaned_data["resolvers"]
        )
        messages.success(request, _text("Kept."))
        return redirect("distribution_subscriber", row.id)
    offers = queries.followed_by(request.actor, row)
    context: dict[str, Any] = {
        "subscriber": row,
        "facts": facts,
        "alive": row.state in ALIVE,
        "form": form,
        "servers": servers,
        "error": error,
        "mute": takes_zones and not row.askers,
    }
    status = 422 if error or form.errors or (servers and servers.errors) else 200
    table = OfferTable(request.GET, offers, actor=request.actor, resolvers=row.resolvers)
    return table_page(request, "distribution/subscriber.html", table, "offers", status=status, **context)


def _new_key(request: StaffRequest, row: Subscriber) -> HttpResponse:
    """Ask first: until the subscriber has set the new one up, it hears of no change."""
    if request.method == "POST":
        return _secret(request, *services.subscriber_renew_key(actor=request.actor, subscriber_id=row.id))
    context = {
        "title": _("Give %(organisation)s a new key") % {"organisation": row.organisation.name},
        "consequence": _(
            "The key or token it has now ends at once. Until it has set up the new one, it blocks what it fetched last"
            " and hears of no change. The new one is shown once, on the next page."
        ),
        "confirm_label": _("Give a new key"),
        "danger": True,
        "cancel_url": reverse("distribution_subscriber", args=[row.id]),
    }
    return render(request, "ui/confirm.html", context)


@require_http_methods(["GET", "POST"])
def subscriber_revoke(request: StaffRequest, subscriber_id: UUID) -> HttpResponse:
    row = queries.subscriber_of(request.actor, subscriber_id)
    if request.method == "POST":
        services.subscriber_revoke(actor=request.actor, subscriber_id=row.id)
        messages.success(request, _text("Revoked: its key or token ends at once."))
        return redirect("distribution_subscribers")
    context = {
        "title": _("Revoke %(organisation)s") % {"organisation": row.organisation.name},
        "consequence": _("It can fetch no further list. What it has already fetched stays with it until it expires."),
        "confirm_label": _("Revoke"),
        "danger": True,
        "cancel_url": reverse("distribution_subscriber", args=[row.id]),
    }
    return render(request, "ui/confirm.html", context)


@require_http_methods(["GET", "POST"])
def kill(request: StaffRequest) -> HttpResponse:
    if not (request.actor.may(KILL) or request.actor.may(RESTORE)):
        request.actor.require(KILL)
    order = queries.open_kill()
    form = forms.KillForm(request.POST if request.method == "POST" and order is None else None)
    if request.method == "POST":
        if order is not None:
            services.kill_lift(actor=request.actor)
            messages.success(request, _text("The list comes back with the next edition, within seconds."))
            return redirect("distribution_editions")
        if form.is_valid():
            services.kill_switch(actor=request.actor, reason=form.cleaned_data["reason"])
            messages.success(request, _text("The list is being emptied everywhere."))
            return redirect("distribution_editions")
    may_lift = order is not None and request.actor.may(RESTORE) and order.by_id != request.actor.id
    return render(
        request,
        "distribution/kill.html",
        {"order": order, "form": form, "in_force": queries.in_force(), "may_lift": may_lift},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
def waiting(request: StaffRequest) -> HttpResponse:
    """What waits in the rings; a list approver halts it, lets it go on, or withdraws all of it."""
    table = WaitingTable(request.GET, queries.waiting(request.actor), actor=request.actor)
    halt = queries.open_halt()
    form = forms.ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        request.actor.require(HALT)
        if form.is_valid():
            _halting(request, request.POST.get("step", ""), form.cleaned_data["reason"])
            return redirect("distribution_waiting")
    context: dict[str, Any] = {
        "halt": halt,
        "found": queries.found_by_prober(halt),
        "form": form,
        "number": queries.waiting_number(),
        "may_halt": request.actor.may(HALT),
        "has_rings": first_ring() < LAST_RING,
        "sees_targets": queries.sees_targets(request.actor),
    }
    status = 422 if form.errors else 200
    return table_page(request, "distribution/waiting.html", table, "waiting", status=status, **context)


def _halting(request: StaffRequest, step: str, reason: str) -> None:
    if step == "release":
        services.rings_release(actor=request.actor, reason=reason)
        messages.success(request, _text("What waited long enough goes on within seconds."))
    elif step == "withdraw":
        count = services.rings_withdraw(actor=request.actor, reason=reason)
        messages.success(request, _text("%(n)d entries are withdrawn; the next edition lifts them.") % {"n": count})
    else:
        services.rings_halt(actor=request.actor, reason=reason)
        messages.success(request, _text("Halted: nothing reaches a further ring."))


def _secret(request: StaffRequest, row: Subscriber, secret: str) -> HttpResponse:
    """The only page that shows a subscriber's secret."""
    host, _colon, port = settings.LIST_PRIMARY.rpartition(":")
    return render(
        request,
        "distribution/secret.html",
        {
            "subscriber": row,
            "secret": secret,
            "key_name": key_name(row),
            "zones": zone_names(row),
            "primary_address": host or "ADDRESS-OF-THE-PRIMARY",
            "primary_port": port or "53",
            "is_url": row.delivery == Delivery.URL,
            "is_stop": row.delivery == Delivery.STOP,
            "partner_url": settings.PARTNER_URL,
            "stop_host": settings.STOP_PAGE_HOST,
        },
    )
