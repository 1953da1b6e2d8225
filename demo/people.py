"""The people of the demo: one of each role and a second where two are needed, each with password, second factor, key."""

from __future__ import annotations

from dataclasses import dataclass

from demo.codes import totp

PASSWORD = "a-demo-only-passphrase"


@dataclass(frozen=True)
class Person:
    """A member of a demo organisation. `secret`: the base32 key of the authenticator app."""

    login: str
    name: str
    role: str
    organisation: str
    kind: str
    secret: str

    @property
    def email(self) -> str:
        return f"{self.login}@mamori.example"

    def code(self, now: float) -> str:
        """The six digits the authenticator app shows at POSIX second `now`."""
        return totp(self.secret, now)


HOTLINE, POLICE, LIST_BODY = "Internet Hotline Center", "National Police", "Content Safety Association"
PEOPLE = (
    Person("aoki", "青木 はるか", "analyst", HOTLINE, "hotline", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAA"),
    Person("baba", "馬場 健", "analyst", HOTLINE, "hotline", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAB"),
    Person("chiba", "千葉 美咲", "senior_analyst", HOTLINE, "hotline", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAC"),
    Person("doi", "土井 誠", "police_liaison", POLICE, "police", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAD"),
    Person("endo", "遠藤 由美", "list_reviewer", LIST_BODY, "list_body", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAE"),
    Person("fujii", "藤井 直樹", "list_approver", LIST_BODY, "list_body", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAF"),
    Person("goto", "後藤 薫", "auditor", "Oversight Committee", "oversight", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAG"),
    Person("honda", "本田 修", "operator", "System Operations", "operator", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3AAH"),
)


def person(login: str) -> Person:
    return next(p for p in PEOPLE if p.login == login)
