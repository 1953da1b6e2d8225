"""Editions of the address list: compile, gate, sign, read.

An edition is the whole list at one moment. `gate` judges it against the edition in force, `sign_edition` publishes it
as TUF metadata, `read_edition` verifies it, `compile_rpz` turns its names into response policy records.
"""

from mamori.engine.editions.entries import (
    BASE_FILES,
    CHANGES,
    Delta,
    Edition,
    EditionRefused,
    ListEntry,
    Method,
    read_delta,
    write_delta,
    write_files,
)
from mamori.engine.editions.folding import fold, since_fold
from mamori.engine.editions.gate import Refusal, Rest, Rules, content_refusals, gate
from mamori.engine.editions.layers import PASSTHRU, compile_hot, hot_names
from mamori.engine.editions.listed import ListInForce
from mamori.engine.editions.members import Member, Members, MembersRefused, read_members, sign_members
from mamori.engine.editions.publish import (
    FileDigest,
    ServiceKeys,
    read_edition,
    root_expires,
    sign_edition,
    sign_files,
    sign_root,
    verify_metadata,
)
from mamori.engine.editions.rpz import (
    Action,
    Changes,
    Record,
    compile_rpz,
    compile_sorted,
    cover,
    diff,
    name_key,
    read_dump,
    set_digest,
    zone_text,
)
from mamori.engine.editions.statements import (
    PersonKey,
    Signature,
    SignedStatement,
    activation_statement,
    key_id,
    kill_statement,
    sign_statement,
    verify_activation,
    withdrawal_statement,
)

__all__ = [
    "BASE_FILES",
    "CHANGES",
    "PASSTHRU",
    "Action",
    "Changes",
    "Delta",
    "Edition",
    "EditionRefused",
    "FileDigest",
    "ListEntry",
    "ListInForce",
    "Member",
    "Members",
    "MembersRefused",
    "Method",
    "PersonKey",
    "Record",
    "Refusal",
    "Rest",
    "Rules",
    "ServiceKeys",
    "Signature",
    "SignedStatement",
    "activation_statement",
    "compile_hot",
    "compile_rpz",
    "compile_sorted",
    "content_refusals",
    "cover",
    "diff",
    "fold",
    "gate",
    "hot_names",
    "key_id",
    "kill_statement",
    "name_key",
    "read_delta",
    "read_dump",
    "read_edition",
    "read_members",
    "root_expires",
    "set_digest",
    "sign_edition",
    "sign_files",
    "sign_members",
    "sign_root",
    "sign_statement",
    "since_fold",
    "verify_activation",
    "verify_metadata",
    "withdrawal_statement",
    "write_delta",
    "write_files",
    "zone_text",
]
