"""A notice as XARF v4 reports, category `content`, type `csam`: one for each address, never with visual content.

Source: xarf/xarf-spec, schemas/v4 (core, content-base, content-csam).
"""

import re
from typing import Any

from mamori.hotline.takedown.payload import act_title, law_words

VERSION = "4.2.0"
_DOMAIN = re.compile(r"([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}")
_ORGANISATION = {"JP": "Internet hotline (Japan)"}


def reports(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The reports of a page's payload, without the addresses already found gone."""
    return [_report(payload, item) for item in payload["items"] if item["state"] != "removed"]


def _report(payload: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    us = {
        "org": _ORGANISATION.get(payload["jurisdiction"], "Internet hotline"),
        "contact": payload["mail"],
        "domain": payload["domain"],
    }
    addresses, asn = item.get("addresses", []), item.get("asn")
    report: dict[str, Any] = {
        "xarf_version": VERSION,
        "report_id": item["id"],
        "timestamp": item["verified_at"],
        "reporter": us,
        "sender": us,
        "source_identifier": addresses[0] if addresses else item["host"],
        "category": "content",
        "type": "csam",
        "evidence_source": "user_report",
        "confidence": 1.0,
        "url": item["url"],
        "verified_at": item["verified_at"],
        "verification_method": "manual",
        "classification": "baseline",
        "detection_method": "manual_review",
        "content_removed": False,
        "description": _description(payload, item),
        "tags": [f"mamori:{payload['reference'].lower()}", f"classification:{item['verdict'].lower()}"],
    }
    if _DOMAIN.fullmatch(item["host"]):
        report["domain"] = item["host"]
    if asn:
        report["asn"] = int(asn)
    if item.get("country"):
        report["country_code"] = item["country"]
    if item.get("registrar"):
        report["registrar"] = item["registrar"]
    if item.get("as_name"):
        report["hosting_provider"] = item["as_name"]
    return report


def _description(payload: dict[str, Any], item: dict[str, Any]) -> str:
    """The national class has no value in the format: `baseline` stands there, and this says so."""
    laws = "; ".join(law_words(item["law_codes"], "en"))
    act = act_title(item["criteria"], "en")
    text = f"Notice {payload['reference']}, address {item['number']}. Confirmed by two analysts. Ground: {act}: {laws}."
    if item["verdict"] != "BASELINE":
        text += " Illegal by national law; not in the international baseline category, which the format requires here."
    return text[:1000]
