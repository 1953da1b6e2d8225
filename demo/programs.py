"""Outside programs the demo and the tests run, and their installation from Debian where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

from demo.processes import WorldError

SEARCH = ":/usr/sbin:/sbin:/usr/local/sbin"
RESOLVERS = {
    "knotd": "knot",
    "knotc": "knot",
    "kdig": "knot-dnsutils",
    "unbound": "unbound",
    "named": "bind9",
    "named-checkzone": "bind9-utils",
}
JUDGES = {"bind": "named-checkzone", "knot": "knotd", "unbound": "unbound", "powerdns": "pdns_recursor"}
"""Engines that may judge a rebuilt list, and the program each is known by."""
FILTERS = {
    "dnsmasq": "dnsmasq-base",
    "squid": "squid",
    "e2guardian": "e2guardian",
    "squidGuard": "squidguard",
    "kresd": "knot-resolver",
    "pdns_recursor": "pdns-recursor",
    "zstd": "zstd",
}
"""Programs of subscribers that load the list's formats, and what reads its patches."""
WATCHER = "lua-cqueues"
WATCHER_FILE = Path("/usr/share/lua/5.1/cqueues.lua")
"""Without it Knot Resolver loads no file of names that it is to watch."""
NAMESPACES = {"ip": "iproute2"}
"""Of the network, in which the blocking trial is held."""
BROWSER = {"chromium": "chromium"}
COMPILER = {"cc": "build-essential"}
PYTHON_HEADERS = "python3-dev"
"""One of the peers of the benchmarks is built from source."""
LINTERS = {"nginx": "nginx-light", "systemd-analyze": "systemd"}
"""Judges of the files in deploy/."""
FONT = "fonts-noto-cjk"
FONT_FILES = Path("/usr/share/fonts/opentype/noto")
POLICY = Path("/usr/sbin/policy-rc.d")


def path_of(program: str) -> str | None:
    """Where a program is; /usr/sbin counts although ordinary users' PATH lacks it."""
    return shutil.which(program, path=os.environ.get("PATH", os.defpath) + SEARCH)


def have(program: str) -> bool:
    return path_of(program) is not None


def missing(wanted: Iterable[str]) -> list[str]:
    """Debian packages of the wanted programs that are not there."""
    packages = {**RESOLVERS, **FILTERS, **NAMESPACES, **BROWSER, **LINTERS, **COMPILER}
    return sorted({packages[program] for program in wanted if not have(program)})


def missing_for_tests() -> list[str]:
    fonts = [] if any(FONT_FILES.glob("*CJK*")) else [FONT]
    watcher = [] if WATCHER_FILE.exists() else [WATCHER]
    return missing([*RESOLVERS, *FILTERS, *NAMESPACES, *BROWSER, *LINTERS]) + fonts + watcher


def _prefix() -> list[str] | None:
    """What goes before apt-get: nothing for root, sudo when it asks for no password, None without rights."""
    if os.geteuid() == 0:
        return []
    if have("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def may_install() -> bool:
    return have("apt-get") and _prefix() is not None


def install(packages: Iterable[str], say: Callable[[str], None] = print) -> None:
    """apt-get install, without starting any service. WorldError says plainly what stays missing and why."""
    wanted = sorted(set(packages))
    if not wanted:
        return
    names = " ".join(wanted)
    prefix = _prefix()
    if not have("apt-get") or prefix is None:
        why = "there is no apt-get here" if not have("apt-get") else "that needs root or sudo without a password"
        raise WorldError(f"cannot install {names}: {why}. By hand: apt-get install --no-install-recommends {names}")
    say(f"installing {names} (apt-get, about half a minute) ...")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    ours = _forbid_services(prefix)
    try:
        for words in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
            done = subprocess.run(
                [*prefix, *environment, "apt-get", "-q", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode:
                raise WorldError(f"apt-get {words[0]} failed, {names} not installed: {done.stdout.strip()[-500:]}")
    finally:
        if ours:
            subprocess.run([*prefix, "rm", "-f", str(POLICY)], check=True)
    say(f"installed {names}")


def _forbid_services(prefix: list[str]) -> bool:
    """Debian asks policy-rc.d whether a package may start its service: 101 is no. True when the file is ours to remove.

    A machine that has its own policy keeps it.
    """
    if POLICY.exists():
        return False
    script = "#!/bin/sh\n# mamori demo: for the time of one apt-get install\nexit 101\n"
    subprocess.run([*prefix, "tee", str(POLICY)], input=script, text=True, stdout=subprocess.DEVNULL, check=True)
    subprocess.run([*prefix, "chmod", "755", str(POLICY)], check=True)
    return True


def missing_for_peers() -> list[str]:
    headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    return [*missing(COMPILER), *([] if headers else [PYTHON_HEADERS])]


def main(what: str = "tests") -> int:
    """`python -m demo.programs [compiler]`: install what the tests run. What cannot be installed is said; its tests say so again."""
    try:
        install(missing_for_peers() if what == "compiler" else missing_for_tests())
    except WorldError as error:
        print(f"{error}. The tests that need it are skipped, and fail with CI=true.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
