"""A missing program skips a test on a developer's machine and fails it in CI."""

import pytest

from tests.programs import needs, program


def test_a_missing_program_skips_with_its_name_except_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    mark = needs("sh", "no-such-program").mark
    assert mark.args == (True,)
    assert "no-such-program" in mark.kwargs["reason"]
    assert needs("sh").mark.args == (False,)
    monkeypatch.setenv("CI", "true")
    assert needs("no-such-program").mark.args == (False,)
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        program("no-such-program")
