"""Editions of the address list: compile, gate, sign, read.

An edition is the whole list at one moment. `gate` judges it against the edition in force, `sign_edition` publishes it
as TUF metadata, `read_edition` verifies it, `compile_rpz` turns its names into response policy records.
"""

from mamori.engine.editions.entries import Edition, EditionRefused, ListEntry, Method
from mamori.engine.editions.gate import Refusal, Rules, content_refusals, gate
from mamori.engine.editions.layers import PASSTHRU, compile_hot
from mamori.engine.editions.members import Member, Members, MembersRefused, read_members, sign_members
from mamori.engine.editions.publish import ServiceKeys, read_edition, root_expires, sign_edition, sign_root
from mamori.engine.editions.rpz import (
    Action,
    Changes,
    Record,
    compile_rpz,
    cover,
    diff,
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
    "PASSTHRU",
    "Action",
    "Changes",
    "Edition",
    "EditionRefused",
    "ListEntry",
    "Member",
    "Members",
    "MembersRefused",
    "Method",
    "PersonKey",
    "Record",
    "Refusal",
    "Rules",
    "ServiceKeys",
    "Signature",
    "SignedStatement",
    "activation_statement",
    "compile_hot",
    "compile_rpz",
    "content_refusals",
    "cover",
    "diff",
    "gate",
    "key_id",
    "kill_statement",
    "read_dump",
    "read_edition",
    "read_members",
    "root_expires",
    "set_digest",
    "sign_edition",
    "sign_members",
    "sign_root",
    "sign_statement",
    "verify_activation",
    "withdrawal_statement",
    "zone_text",
]
