from django.urls import path

from mamori.hotline.intake.pages import public, staff

PUBLIC = [
    path("", public.home, name="public_home"),
    path("report/", public.report, name="intake_report"),
    path("receipt/", public.receipt, name="intake_receipt"),
    path("law/", public.law, name="public_law"),
    path("help/", public.help_for_children, name="public_help"),
]
STAFF = [
    path("screening/", staff.screening, name="intake_screening"),
    path("reports/", staff.reports, name="intake_reports"),
    path("reports/<uuid:report_id>/", staff.report, name="intake_report_page"),
    path("reports/<uuid:report_id>/screen/", staff.screen, name="intake_screen"),
    path("reports/<uuid:report_id>/reply/", staff.reply, name="intake_reply"),
    path("reports/<uuid:report_id>/withhold/", staff.withhold, name="intake_withhold"),
    path("intake/phone/", staff.phone, name="intake_phone"),
    path("intake/patrol/", staff.patrol, name="intake_patrol"),
    path("intake/messages/", staff.waiting_messages, name="intake_messages"),
]
