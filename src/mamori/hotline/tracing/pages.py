from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.parts import Clock, KeyValue, case_url
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import table_page
from mamori.hotline.tracing import queries, services
from mamori.hotline.tracing.forms import EnterForm, KeyForm, ReplaceForm
from mamori.hotline.tracing.models import Contact
from mamori.hotline.tracing.permissions import APPROVE, CONFIRM, SEE_HOSTS
from mamori.hotline.tracing.tables import ContactTable, HostTable


@require_GET
def contacts_page(request: StaffRequest) -> HttpResponse:
    table = ContactTable(request.GET, queries.contacts(request.actor), actor=request.actor)
    return table_page(request, "tracing/contacts.html", table, "contacts", sees_hosts=request.actor.may(SEE_HOSTS))


@require_GET
def hosts_page(request: StaffRequest) -> HttpResponse:
    table = HostTable(request.GET, queries.hosts(request.actor), actor=request.actor)
    return table_page(request, "tracing/hosts.html", table, "hosts")


@require_GET
def contact_page(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    contact = queries.contact_row(request.actor, contact_id)
    waiting = None
    if queries.contact_state(contact) == "waiting" and contact.needed_at:
        started = contact.urgent_at or contact.needed_at
        waiting = Clock(_("Approve this contact"), started, queries.due_at(contact.needed_at, contact.urgent_at))
    return render(
        request,
        "tracing/contact.html",
        {
            "contact": contact,
            "state": queries.contact_state(contact),
            "facts": _facts(contact),
            "waiting": waiting,
            "may_approve": request.actor.may(APPROVE) and contact.replaced_by_id is None,
            "key_form": KeyForm(initial={"age_key": contact.age_key}),
        },
    )


@require_http_methods(["GET", "POST"])
def approve(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    """Asks once, and shows exactly whom notices will go to."""
    request.actor.require(APPROVE)
    contact = queries.contact_row(request.actor, contact_id)
    here = reverse("tracing_contact", args=[contact_id])
    if request.method == "POST":
        services.contact_approve(actor=request.actor, contact_id=contact_id)
        messages.success(request, _("The contact is approved: notices may go there."))
        return redirect(here)
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Approve this contact?"),
            "consequence": _("From now on, notices about content on its hosts may be sent to this mailbox."),
            "leaving": _facts(contact),
            "recipients": [contact.mail],
            "confirm_label": _("Approve the contact"),
            "cancel_url": here,
        },
    )


@require_http_methods(["GET", "POST"])
def replace(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    request.actor.require(APPROVE)
    contact = queries.contact_row(request.actor, contact_id)
    form = ReplaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            new = services.contact_replace(actor=request.actor, contact_id=contact_id, **form.cleaned_data)
        except DomainError as error:
            if error.status != 422:
                raise
            form.add_error("mail", str(error.message))
        else:
            messages.success(request, _("The contact was replaced, and the new one approved."))
            return redirect("tracing_contact", contact_id=new)
    context = {
        "title": _("Replace this contact?"),
        "consequence": _(
            "Notices for its hosts will go to the mail address you enter. The old one gets none any more."
        ),
        "leaving": _facts(contact),
        "form": form,
        "confirm_label": _("Replace and approve"),
        "cancel_url": reverse("tracing_contact", args=[contact_id]),
    }
    return render(request, "ui/confirm.html", context, status=422 if form.errors else 200)


@require_POST
def register_key(request: StaffRequest, contact_id: UUID) -> HttpResponse:
    form = KeyForm(request.POST)
    if form.is_valid():
        services.contact_register_key(actor=request.actor, contact_id=contact_id, age_key=form.cleaned_data["age_key"])
        messages.success(request, _("The key is kept."))
    return redirect("tracing_contact", contact_id=contact_id)


@require_http_methods(["GET", "POST"])
def confirm(request: StaffRequest, content_id: UUID, contact_id: UUID) -> HttpResponse:
    """An analyst settles what the sources say about a host, and its contact."""
    request.actor.require(CONFIRM)
    panel = queries.panel(request.actor, content_id)
    if panel is None:
        raise NotFound
    contact = queries.contact_row(request.actor, contact_id)
    back = request.GET.get("back", "")
    back = back if back.startswith("/") and not back.startswith("//") else reverse("tracing_contact", args=[contact_id])
    if request.method == "POST":
        services.trace_confirm(actor=request.actor, content_id=content_id, contact_id=contact_id)
        messages.success(request, _("Host and contact are confirmed."))
        return redirect(back)
    return render(
        request,
        "tracing/confirm.html",
        {
            "panel": panel,
            "title": _("Confirm this host and contact?"),
            "consequence": _("Notices about this content may then be sent to this mailbox."),
            "leaving": _facts(contact),
            "recipients": [contact.mail],
            "confirm_label": _("Confirm"),
            "cancel_url": back,
        },
    )


@require_http_methods(["GET", "POST"])
def enter(request: StaffRequest, content_id: UUID) -> HttpResponse:
    """An analyst names the contact of a host whom no source names, or names rightly."""
    request.actor.require(CONFIRM)
    panel = queries.panel(request.actor, content_id)
    if panel is None:
        raise NotFound
    back = case_url(content_id)
    form = EnterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.trace_contact_enter(actor=request.actor, content_id=content_id, **form.cleaned_data)
        except DomainError as error:
            if error.status != 422:
                raise
            form.add_error("mail", f"{error.message} {error.remedy or ''}".strip())
        else:
            messages.success(request, _("Host and contact are confirmed."))
            return redirect(back)
    context = {
        "panel": panel,
        "title": _("Enter the contact of this host"),
        "consequence": _("Notices about this content may then be sent to this mailbox. It counts as approved."),
        "leaving": [KeyValue(_("Host"), panel.view.host.replace(".", "[.]"))],
        "form": form,
        "confirm_label": _("Enter and confirm"),
        "cancel_url": back,
    }
    return render(request, "tracing/confirm.html", context, status=422 if form.errors else 200)


@require_POST
def again(request: StaffRequest, content_id: UUID) -> HttpResponse:
    services.trace_again(actor=request.actor, content_id=content_id)
    messages.info(request, _("The host is traced again: the answers appear here in a moment."))
    back = request.POST.get("back", "")
    return redirect(back if back.startswith("/") and not back.startswith("//") else "tracing_contacts")


def _facts(contact: Contact) -> list[KeyValue]:
    facts = [
        KeyValue(_("Mail address"), contact.mail),
        KeyValue(_("Organisation"), contact.organisation),
        KeyValue(_("Named by"), look("trace_method", contact.source).word),
        KeyValue(_("Content items with this contact"), queries.contents_on_contact(contact.id)),
        KeyValue(_("First found"), contact.found_at, "moment"),
    ]
    if contact.approved_by is not None:
        facts.append(KeyValue(_("Approved by"), contact.approved_by.name))
        facts.append(KeyValue(_("Approved"), contact.approved_at, "moment"))
    return facts
