"""24 hostile owner names as one table: what each would do to a zone into which it were pasted, and what becomes of it here.

Refused means: by the name rules, by the compiler, and by the gate though two persons signed it. Exactly represented
means: the zone that BIND loads holds that name and nothing else.
"""

from pathlib import Path

import pytest

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import compile_rpz, gate
from tests.engine.people import RULES, edition, entry
from tests.engine.test_names import ZONE, dump, longest
from tests.programs import needs

EXACT = ""  # exactly represented
OWNERS = {
    "1 a line break blocks a second name": ("good.example CNAME .\ninjected.example", "control_characters"),
    "2 a return and a line break": ("good.example CNAME .\r\n*.example", "control_characters"),
    "3 a tab ends the name": ("good.example\tCNAME .", "control_characters"),
    "4 a zero octet": ("good.example\x00", "control_characters"),
    "5 moves the entries that follow": ("$ORIGIN other.example.", "directive"),
    "6 adds entries": ("$GENERATE 1-9 a$.example", "directive"),
    "7 reads a file": ("$INCLUDE /etc/passwd", "directive"),
    "8 a trailing dot: lost, out of the zone": ("good.example.", "trailing_dot"),
    "9 everything": ("*", "wildcard"),
    "10 a whole top-level domain": ("*.test", "wildcard"),
    "11 half of all IPv4": ("1.0.0.0.0.rpz-ip", "rpz_trigger"),
    "12 every client": ("*.rpz-client-ip", "wildcard"),
    "13 every name server's name": ("*.rpz-nsdname", "wildcard"),
    "14 a name server's address": ("32.1.2.0.192.rpz-nsip", "rpz_trigger"),
    "15 the zone itself": ("@", "non_ldh"),
    "16 nothing: the name before it": ("", "empty"),
    "17 a comment hides the record": ("good.example ; comment", "non_ldh"),
    "18 an open bracket joins lines": ("good(.example", "non_ldh"),
    "19 a quoted name is another one": ('"good.example"', "non_ldh"),
    "20 an escaped dot joins labels": ("good\\.example", "non_ldh"),
    "21 an empty label": ("good..example", "non_ldh"),
    "22 a label of 64": (f"{'a' * 64}.example", "over_long"),
    "23 as long as fits": (longest(215), EXACT),
    "24 other letters in their one form": ("xn--wgv71a119e.example", EXACT),
}


def test_the_table_names_all_24() -> None:
    assert [int(case.split()[0]) for case in OWNERS] == list(range(1, 25))
    assert len({name for name, _ in OWNERS.values()}) == 24


@needs("named-checkzone")
@pytest.mark.parametrize("case", OWNERS)
def test_an_owner_is_refused_or_exactly_represented(case: str, tmp_path: Path) -> None:
    name, code = OWNERS[case]
    refusals = gate(None, edition(1, [entry(name)]), RULES)
    assert [refusal.code for refusal in refusals] == ([f"name_{code}"] if code else [])
    if code:
        with pytest.raises(NameRefused) as refused:
            listable_name(name)
        assert refused.value.code == code
        with pytest.raises(NameRefused):
            compile_rpz([name], "nxdomain")
    else:
        records = compile_rpz([listable_name(name)], "nxdomain")
        assert {record.owner for record in records} == {name, f"*.{name}"}
        assert dump(records, ZONE, tmp_path) == records
