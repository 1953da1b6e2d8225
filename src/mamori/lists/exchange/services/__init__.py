"""The only writer of this room's tables, and what partners may have done."""

from mamori.lists.exchange.services.matching import examine
from mamori.lists.exchange.services.quotas import quota_set, quota_take
from mamori.lists.exchange.services.reporting import match_report

__all__ = ["examine", "match_report", "quota_set", "quota_take"]
