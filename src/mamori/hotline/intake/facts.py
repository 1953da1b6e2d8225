from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class ReportAccepted(Fact):
    """A report was screened and accepted, and is not urgent: it waits to be linked to its content."""

    report_id: UUID


@dataclass(frozen=True)
class UrgentReportArrived(Fact):
    """A report was screened and accepted: a child may be at risk now. It waits to be linked to its content."""

    report_id: UUID
