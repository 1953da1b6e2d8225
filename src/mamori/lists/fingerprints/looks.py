from django.utils.translation import gettext_lazy as _

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.letters.looks import register_kinds
from mamori.ground.ui.states import StateLook, register_states
from mamori.lists.fingerprints.codes import NAMES

register_states(
    "bank_entry",
    {
        "proposed": StateLook(_("Waits for another person to agree"), "warning", "people"),
        "active": StateLook(_("In force"), "success", "check"),
        "quarantined": StateLook(_("Held: it matched too much"), "error", "pause"),
        "withdrawn": StateLook(_("Withdrawn"), "neutral", "cross"),
    },
)
register_states(
    "harmless",
    {
        "proposed": StateLook(_("Waits for another person to agree"), "warning", "people"),
        "active": StateLook(_("In force"), "success", "check"),
        "ended": StateLook(_("Ended"), "neutral", "cross"),
    },
)
register_states(
    "disagreement",
    {"open": StateLook(_("To settle"), "warning", "scale"), "settled": StateLook(_("Settled"), "neutral", "check")},
)
register_states(
    "bank_media",
    {"image": StateLook(_("Image"), "neutral", "eye"), "video": StateLook(_("Video"), "neutral", "eye")},
)
register_states(
    "bank_sharing",
    {
        "internal": StateLook(_("Our desks only"), "neutral", "lock"),
        "partners": StateLook(_("Partners too"), "info", "globe"),
    },
)
register_states("bank_class", {str(c): StateLook(word, "neutral", "scale") for c, word in NAMES.items()})
_REASONS = {
    "agrees": StateLook(_("It is right"), "success", "check"),
    "not_illegal": StateLook(_("Not illegal"), "warning", "scale"),
    "adult": StateLook(_("No child"), "warning", "user"),
    "other_class": StateLook(_("Another class"), "warning", "scale"),
    "false_match": StateLook(_("It matches what it is not"), "warning", "alert"),
    "poor_quality": StateLook(_("The fingerprint is poor"), "warning", "eye"),
}
register_states("bank_reason", _REASONS)
register_states(
    "bank_verdict",
    {
        "confirm": StateLook(_("The entry is right"), "success", "check"),
        "deny": StateLook(_("The entry is wrong"), "error", "cross"),
    },
)
_ENDS = {
    "rejected": StateLook(_("No second person agreed"), "neutral", "cross"),
    "mistake": StateLook(_("Added by mistake"), "neutral", "cross"),
    "source": StateLook(_("Its source withdrew it"), "neutral", "building"),
    "dispute": StateLook(_("A disagreement was settled so"), "neutral", "scale"),
    "flood": StateLook(_("It matched too much"), "neutral", "pause"),
    "dismissed": StateLook(_("The content was found not illegal"), "neutral", "scale"),
    "oversight": StateLook(_("Ordered by oversight"), "warning", "shield"),
}
register_states("bank_end", _ENDS)
register_states(
    "bank_code",
    {
        **_ENDS,
        "shared": StateLook(_("Shared with partners"), "info", "globe"),
        "voted": StateLook(_("New votes"), "info", "people"),
        "released": StateLook(_("Released by a reviewer"), "success", "check"),
        **{str(c): StateLook(word, "neutral", "scale") for c, word in NAMES.items()},
    },
)
register_states(
    "bank_dispute",
    {
        "same": StateLook(_("One digest, two classes"), "warning", "scale"),
        "similar": StateLook(_("Near values, two classes"), "warning", "scale"),
        "restated": StateLook(_("Its source gives another class now"), "warning", "refresh"),
        "vote": StateLook(_("Somebody says it is wrong"), "warning", "people"),
        "harmless": StateLook(_("In the negative bank too"), "error", "alert"),
    },
)
register_states(
    "bank_outcome",
    {
        "kept": StateLook(_("Kept as it is"), "neutral", "check"),
        "withdrawn": StateLook(_("An entry was withdrawn"), "neutral", "cross"),
        "reclassified": StateLook(_("An entry was given another class"), "neutral", "pen"),
        "harmless_ended": StateLook(_("The negative bank's value ended"), "neutral", "cross"),
    },
)
register_states(
    "bank_source",
    {
        "hotline": StateLook(_("Hotline"), "neutral", "phone"),
        "police": StateLook(_("Police"), "neutral", "shield"),
        "ngo": StateLook(_("Civil society"), "neutral", "people"),
        "industry": StateLook(_("Industry body"), "neutral", "building"),
        "provider": StateLook(_("Service provider"), "neutral", "server"),
    },
)
register_states(
    "bank_import",
    {
        "waiting": StateLook(_("Waits to be read"), "info", "clock"),
        "running": StateLook(_("Being read"), "info", "clock"),
        "done": StateLook(_("Read"), "success", "check"),
        "failed": StateLook(_("Broken off"), "error", "alert"),
        "stopped": StateLook(_("Stopped"), "neutral", "cross"),
    },
)
register_states(
    "bank_bad",
    {
        "bad_md5": StateLook(_("Not an MD5 digest"), "warning", "alert"),
        "bad_sha1": StateLook(_("Not an SHA-1 digest"), "warning", "alert"),
        "bad_sha256": StateLook(_("Not an SHA-256 digest"), "warning", "alert"),
        "bad_pdq": StateLook(_("Not a PDQ value"), "warning", "alert"),
        "bad_quality": StateLook(_("Quality is no number from 0 to 100"), "warning", "alert"),
        "bad_photodna": StateLook(_("Not a PhotoDNA value"), "warning", "alert"),
        "no_digest": StateLook(_("No fingerprint"), "warning", "alert"),
        "bad_json": StateLook(_("Not JSON of a record"), "warning", "alert"),
        "cut_off": StateLook(_("The file ends before its list does: records are missing"), "error", "alert"),
        "bad_line": StateLook(_("Not as many fields as the header"), "warning", "alert"),
        "bad_text": StateLook(_("A text holds a sign that is none"), "warning", "alert"),
        "bad_category": StateLook(_("The category is no number"), "warning", "alert"),
        "not_sorted": StateLook(
            _("Not sorted yet (category 0 or none): ask its source for a sorted list"), "neutral", "scale"
        ),
        "not_illegal": StateLook(_("The category does not stand for illegal material"), "neutral", "scale"),
    },
)
register_states(
    "bank_algorithm",
    {
        "pdq": StateLook("PDQ", "info", "eye"),
        "md5": StateLook("MD5", "neutral", "key"),
        "sha1": StateLook("SHA-1", "neutral", "key"),
        "sha256": StateLook("SHA-256", "neutral", "key"),
        "photodna": StateLook("PhotoDNA", "neutral", "lock"),
    },
)
register_states(
    "bank_format",
    {
        "vics-2.0": StateLook("VICS 2.0 (JSON)", "neutral", "list"),
        "vics-1.3": StateLook("VICS 1.3 (JSON)", "neutral", "list"),
        "icse": StateLook("ICSE (CSV)", "neutral", "list"),
        "pdq": StateLook(_("PDQ, one on a line"), "neutral", "list"),
        "md5": StateLook(_("MD5, one on a line"), "neutral", "list"),
    },
)
register_kinds({"fingerprints.alarm": _("To a source: its entry is one the negative bank knows")})
register_events(
    _("Fingerprints"),
    {
        "fingerprints.added": _("A bank entry was added"),
        "fingerprints.active": _("A bank entry came into force"),
        "fingerprints.quarantined": _("A bank entry was held: it matched too much"),
        "fingerprints.withdrawn": _("A bank entry was withdrawn"),
        "fingerprints.withdrawal_asked": _("A source asked to withdraw its bank entry"),
        "fingerprints.shared": _("A bank entry was shared with partners"),
        "fingerprints.classified": _("A bank entry was given another class"),
        "fingerprints.voted": _("A vote on a bank entry was given"),
        "fingerprints.disagreement_found": _("A disagreement in the bank was found"),
        "fingerprints.disagreement_settled": _("A disagreement in the bank was settled"),
        "fingerprints.harmless_proposed": _("A harmless value was proposed"),
        "fingerprints.harmless_confirmed": _("A harmless value was agreed to"),
        "fingerprints.harmless_ended": _("A harmless value ended"),
        "fingerprints.source_added": _("A source of the bank was named"),
        "fingerprints.source_changed": _("A source of the bank was changed"),
        "fingerprints.source_alarmed": _("A source was told that a harmless value matched"),
        "fingerprints.import_begun": _("An import into the bank began"),
        "fingerprints.import_ended": _("An import into the bank ended"),
        "fingerprints.import_confirmed": _("An import was agreed to"),
        "fingerprints.import_withdrawn": _("An import was ordered to be withdrawn"),
        "fingerprints.import_entries_in_force": _("Entries of an import came into force"),
        "fingerprints.import_entries_withdrawn": _("Entries of an import were withdrawn"),
        "fingerprints.exported": _("Entries of the bank were exported"),
    },
)
register_things(
    {
        "export": _("Export"),
        "fingerprints.disagreement": _("Disagreement"),
        "fingerprints.entry": _("Fingerprint entry"),
        "fingerprints.harmless": _("Known harmless"),
        "fingerprints.importrun": _("Import"),
        "fingerprints.source": _("Source of fingerprints"),
    }
)
