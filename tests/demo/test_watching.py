"""Long work tells how far it is: a bar on a terminal, lines elsewhere, nothing for a handful."""

from io import StringIO

import pytest
from rich.console import Console

from demo.watching import Bar


@pytest.mark.parametrize(
    ("terminal", "total", "told"), [(False, 20, "  … opinions: 7 of 20\n"), (False, 19, ""), (True, 20, "opinions")]
)
def test_lines_where_there_is_no_terminal(terminal: bool, total: int, told: str) -> None:
    out = StringIO()
    with Bar(Console(file=out, force_terminal=terminal, width=80), "opinions", total, first=0, every=0) as step:
        for _ in range(7):
            step()
    said = out.getvalue()
    if terminal:
        assert told in said and "…" not in said
    else:
        assert said.endswith(told) if told else said == ""
