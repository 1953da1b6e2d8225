"""Resolvers as a provider runs them, in front of the trial's one authority; zones of the list come by transfer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from mamori.tools.trial.network import ORIGIN, RESOLVER, Program, program

Engine = Literal["unbound", "bind", "powerdns"]


def start(engine: Engine, provider: str, zones: Sequence[str], folder: Path) -> Program:
    """Start a resolver for a provider's customers; ``zones`` are its response policy zones, the first one first."""
    home = folder / f"{provider}-{engine}"
    home.mkdir(exist_ok=True)
    return Program(provider, _COMMANDS[engine](RESOLVER[provider], zones, home), home)


def _unbound(address: str, zones: Sequence[str], home: Path) -> list[str]:
    config = home / "unbound.conf"
    rpz = "".join(
        f"rpz:\n  name: {zone}\n  primary: {ORIGIN}\n  allow-notify: {ORIGIN}\n  for-downstream: no\n" for zone in zones
    )
    config.write_text(f"""server:
  interface: {address}
  access-control: 10.0.0.0/8 allow
  module-config: "respip iterator"
  num-threads: 1
  do-daemonize: no
  use-syslog: no
  verbosity: 0
  username: ""
  chroot: ""
  directory: "{home}"
  pidfile: ""
remote-control:
  control-enable: no
forward-zone:
  name: .
  forward-addr: {ORIGIN}
{rpz}""")
    return [program("unbound"), "-d", "-c", str(config)]


def _bind(address: str, zones: Sequence[str], home: Path) -> list[str]:
    config = home / "named.conf"
    listed = " ".join(f'zone "{zone}" min-update-interval 0 log no;' for zone in zones)
    policy = f"response-policy {{ {listed} }} qname-wait-recurse no break-dnssec yes;" if zones else ""
    secondary = "\n".join(
        f'zone "{zone}" {{ type secondary; file "{zone}.db"; primaries {{ {ORIGIN}; }}; allow-notify {{ {ORIGIN}; }};'
        " notify no; };"
        for zone in zones
    )
    config.write_text(f"""options {{
  directory "{home}";
  pid-file none;
  session-keyfile "{home}/session.key";
  managed-keys-directory "{home}";
  listen-on {{ {address}; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-query {{ any; }};
  allow-recursion {{ any; }};
  dnssec-validation no;
  forward only;
  forwarders {{ {ORIGIN}; }};
  querylog no;
  serial-query-rate 1000;
  {policy}
}};
controls {{ }};
{secondary}
""")
    return [program("named"), "-f", "-n", "1", "-c", str(config)]


def _powerdns(address: str, zones: Sequence[str], home: Path) -> list[str]:
    lua = "".join(f'rpzPrimary({{"{ORIGIN}"}}, "{zone}", {{refresh=1}})\n' for zone in zones)
    (home / "list.lua").write_text(lua)
    (home / "recursor.conf").write_text(f"""local-address={address}
allow-from=10.0.0.0/8
dont-query=
forward-zones-recurse=.={ORIGIN}
dnssec=off
disable-packetcache=yes
threads=1
quiet=yes
loglevel=3
daemon=no
write-pid=no
socket-dir={home}
setuid=
setgid=
security-poll-suffix=
lua-config-file={home}/list.lua
""")
    return [program("pdns_recursor"), f"--config-dir={home}"]


_COMMANDS: dict[Engine, Callable[[str, Sequence[str], Path], list[str]]] = {
    "unbound": _unbound,
    "bind": _bind,
    "powerdns": _powerdns,
}
