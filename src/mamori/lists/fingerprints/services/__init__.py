"""The only writer of the bank's tables."""

from mamori.lists.fingerprints.services.comparing import entry_compare, harmless_compare, import_compare
from mamori.lists.fingerprints.services.disagreements import disagreement_settle
from mamori.lists.fingerprints.services.entries import (
    NewFingerprint,
    entry_add,
    entry_classify,
    entry_confirm,
    entry_end,
    entry_share,
    entry_withdraw,
)
from mamori.lists.fingerprints.services.exports import export
from mamori.lists.fingerprints.services.harmless import (
    harmless_confirm,
    harmless_end,
    harmless_expire,
    harmless_propose,
)
from mamori.lists.fingerprints.services.hotline import content_dropped, content_found
from mamori.lists.fingerprints.services.imports import (
    import_carry_out,
    import_confirm,
    import_file,
    import_withdraw,
    imports_close,
)
from mamori.lists.fingerprints.services.sources import source_add, source_change
from mamori.lists.fingerprints.services.uploads import import_read, import_stop, import_upload, imports_resume
from mamori.lists.fingerprints.services.votes import (
    entry_hold,
    entry_release,
    examined_record,
    feedback_tell,
    hits_record,
    vote_record,
)

__all__ = [
    "NewFingerprint",
    "content_dropped",
    "content_found",
    "disagreement_settle",
    "entry_add",
    "entry_classify",
    "entry_compare",
    "entry_confirm",
    "entry_end",
    "entry_hold",
    "entry_release",
    "entry_share",
    "entry_withdraw",
    "examined_record",
    "export",
    "feedback_tell",
    "harmless_compare",
    "harmless_confirm",
    "harmless_end",
    "harmless_expire",
    "harmless_propose",
    "hits_record",
    "import_carry_out",
    "import_compare",
    "import_confirm",
    "import_file",
    "import_read",
    "import_stop",
    "import_upload",
    "import_withdraw",
    "imports_close",
    "imports_resume",
    "source_add",
    "source_change",
    "vote_record",
]
