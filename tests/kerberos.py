"""A Kerberos realm on loopback: MIT's KDC from Debian (krb5-kdc, krb5-admin-server), with its files in a directory of its own.

with KerberosRealm(directory) as realm:
    realm.key_table("alice")                       a file with the principal's keys, made with the principal
    realm.environment                              what programs need to find the realm
    realm.ticket("alice")                          the environment of somebody who has logged in
"""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Final, Self

from brokers import free_port
from conditions import until

REALM: Final = "OTTLA.TEST"
_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_KRB5_CONF: Final = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    ticket_lifetime = 1h
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
"""

_KDC_CONF: Final = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {directory}/principal
        key_stash_file = {directory}/stash
        acl_file = {directory}/kadm5.acl
        max_life = 1h
        supported_enctypes = aes256-cts:normal aes128-cts:normal
    }}
"""


class KerberosRealm:
    """One KDC; its principals are made when their key tables are asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._kdc: subprocess.Popen[bytes] | None = None
        self._key_tables: dict[str, Path] = {}

    @property
    def krb5_conf(self) -> Path:
        """Where clients and services look the realm up."""
        return self.directory / "krb5.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What MIT's library reads."""
        return {
            **os.environ,
            "PATH": _PATH,
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
            "KRB5RCACHEDIR": str(self.directory),
        }

    def key_table(self, *principals: str) -> Path:
        """A key table of principals, without their realm."""
        file = self.directory / f"{'-'.join(principals).replace('/', '_')}.keytab"
        if not file.exists():
            for principal in principals:
                self._administer(f"addprinc -randkey {principal}")
            self._administer(f"ktadd -norandkey -k {file} {' '.join(principals)}")
        return file

    def ticket(self, principal: str) -> dict[str, str]:
        """The environment in which the principal is logged in."""
        cache = self.directory / f"{principal.replace(chr(47), chr(95))}.cache"
        environment = {**self.environment, "KRB5CCNAME": f"FILE:{cache}"}
        self._run(["kinit", "-k", "-t", str(self.key_table(principal)), principal], environment)
        return environment

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        told = {"realm": REALM, "port": self.port, "directory": self.directory}
        self.krb5_conf.write_text(_KRB5_CONF.format(**told))
        (self.directory / "kdc.conf").write_text(_KDC_CONF.format(**told))
        (self.directory / "kadm5.acl").write_text("")
        self._run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], self.environment)
        with (self.directory / "kdc.log").open("wb") as log:
            self._kdc = subprocess.Popen(
                ["krb5kdc", "-n", "-r", REALM], stdout=log, stderr=log, env=self.environment
            )
        until(self._listens, otherwise=(self.directory / "kdc.log").read_text)
        return self

    def __exit__(self, *_: object) -> None:
        if self._kdc is not None:
            self._kdc.terminate()
            self._kdc.wait(30)

    def _listens(self) -> bool:
        assert self._kdc is not None
        assert self._kdc.poll() is None, (self.directory / "kdc.log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def _administer(self, order: str) -> None:
        self._run(["kadmin.local", "-r", REALM, "-q", order], self.environment)

    def _run(self, command: list[str], environment: dict[str, str]) -> None:
        ended = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment, timeout=60
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
