from mamori.ground.actors import SYSTEM
from mamori.ground.facts import listens
from mamori.hotline.assessment.services import content_open
from mamori.hotline.intake.facts import ReportAccepted, UrgentReportArrived


@listens(ReportAccepted, "assessment.open")
def open_accepted(fact: ReportAccepted) -> None:
    content_open(actor=SYSTEM, report_id=fact.report_id)


@listens(UrgentReportArrived, "assessment.open_urgent")
def open_urgent(fact: UrgentReportArrived) -> None:
    content_open(actor=SYSTEM, report_id=fact.report_id, urgent=True)
