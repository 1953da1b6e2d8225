"""The gallery: every component of the look on one page, with made-up figures and addresses under `.example`."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from django import forms
from django.db.models import QuerySet
from django.utils.functional import lazy
from django.utils.translation import get_language

from mamori.ground.accounts.models import User
from mamori.ground.actors import Actor, Role, grant
from mamori.ground.ui.charts import Curve, Series, bar_chart, step_chart
from mamori.ground.ui.moments import Moment
from mamori.ground.ui.parts import Clock, KeyValue, NavItem
from mamori.ground.ui.states import TONES, StateLook, register_states
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter

_ = lazy(lambda english, japanese: japanese if get_language() == "ja" else english, str)
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
URL = "https://forum.harbour.example/board/page?id=17"
AUDITOR = Actor("person", roles=frozenset({Role.AUDITOR}))
ANALYST = Actor("person", roles=frozenset({Role.ANALYST}))
grant("ui_gallery.export", Role.AUDITOR)
grant("ui_gallery.export_address", Role.OPERATOR)

register_states(
    "ui_gallery",
    {
        tone: StateLook(_(*words), tone, icon)
        for tone, icon, words in zip(
            TONES,
            ("dot", "clock", "check", "alert", "block"),
            [
                ("New", "新規"),
                ("Tracing", "調査中"),
                ("Removed", "削除済み"),
                ("On hold", "保留中"),
                ("Bounced", "不達"),
            ],
            strict=True,
        )
    },
)


class MemberTable(Table):
    caption = _("Table", "一覧")
    order = "name"
    page_size = 4
    count_limit = 10
    export_permission = "ui_gallery.export"
    columns = [
        Column("name", _("Name", "名前"), sort=("name",), link=lambda row: f"/members/{row.pk}"),
        Column(
            "address",
            _("Address", "アドレス"),
            render="address",
            value=lambda _row: URL,
            export="ui_gallery.export_address",
        ),
        Column("is_active", _("State", "状態"), render="state:ui_gallery", value=lambda row: TONES[len(row.email) % 5]),
        Column("created_at", _("Moment", "日時"), sort=("created_at",), render="moment", export=False),
        Column("digest", _("Digest", "ハッシュ値"), render="digest", value=lambda row: row.name.encode().hex() * 4),
        Column("reports", _("Reports", "通報"), render="number", value=lambda row: len(row.name) * 1000),
    ]
    filters = [
        ChoiceFilter("active", _("State", "状態"), choices=[("1", "Active"), ("0", "Gone")], lookup="is_active"),
        TextFilter("name", _("Name", "名前"), lookup="name__startswith", max_length=30),
        DateFilter("made", _("Made", "作成日"), lookup="created_at"),
    ]


class WrongForm(forms.Form):
    address = forms.URLField(
        label=_("Address", "アドレス"),
        assume_scheme="https",
        help_text=_(
            "The whole address, as the browser shows it.", "ブラウザーに表示されるアドレス全体を入れてください。"
        ),
    )
    seen = forms.ChoiceField(
        label=_("State", "状態"),
        choices=[("a", _("Table", "一覧")), ("b", _("Form", "入力"))],
        widget=forms.RadioSelect,
    )
    words = forms.CharField(label=_("Name", "名前"), widget=forms.Textarea, required=False)
    sure = forms.BooleanField(label=_("Confirm", "確認した"))


def charts() -> list:
    days = [f"11-{day:02}" for day in range(1, 25)]
    bars = bar_chart(
        "reports-per-day",
        _("Reports per day and outcome", "日ごとの通報と結果"),
        days,
        [
            Series(_("Removed", "削除済み"), [(day * 7) % 23 + 4 for day in range(24)], "green"),
            Series(_("Not illegal", "違法でない"), [(day * 5) % 17 for day in range(24)], "grey"),
            Series(_("Police", "警察"), [(day * 3) % 7 for day in range(24)], "blue"),
        ],
        label_title=_("Day", "日"),
    )
    steps = step_chart(
        "survival",
        _("How long content stays online", "公開が続いた時間"),
        [
            Curve(_("Domestic", "国内"), [(hour, 0.94 ** (hour / 6)) for hour in range(6, 240, 6)], [30, 77, 150]),
            Curve(
                _("Abroad", "国外"), [(hour, 0.97 ** (hour / 6)) for hour in range(12, 240, 12)], [55, 200], "orange"
            ),
        ],
        until=240,
        unit=_("h", "時間"),
    )
    return [bars, steps]


def context(rows: QuerySet[User], data: dict | None = None) -> dict:
    wrong = WrongForm({"address": "not an address"})
    leaving = [
        KeyValue(_("Notice", "通知"), "XARF v4, content/csam"),
        KeyValue(_("Address", "アドレス"), URL, "address"),
        KeyValue(_("Moment", "日時"), NOW, "moment"),
        KeyValue(
            _("Digest", "ハッシュ値"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "digest"
        ),
    ]
    desks = ["inbox", "list", "flag", "shield", "mail", "block", "archive", "people", "key"]
    return {
        "navigation": [
            NavItem(_("Gallery", "部品"), f"/{i}", i == 0, i * 3 if i % 2 else None, str(i), name)
            for i, name in enumerate(desks)
        ],
        "clocks": [
            Clock(
                _("Police hold", "警察の保留"), NOW - timedelta(hours=used), NOW + timedelta(hours=48 - used), "/case/1"
            )
            for used in (10, 30, 41, 53)
        ],
        "user_menu": SimpleNamespace(
            name="A. Member", organisation="Hotline", roles=["Analyst"], logout_url="/out", account_url="/me"
        ),
        "now": NOW,
        "tones": TONES,
        "states": [("ui_gallery", tone) for tone in TONES],
        "table": MemberTable(data or {}, rows, actor=AUDITOR),
        "charts": charts(),
        "events": [
            Moment(NOW - timedelta(hours=9), "inbox", _("Report received", "通報を受け付けた"), actor_kind="public"),
            Moment(NOW - timedelta(hours=8), "scale", _("Assessed", "判断した"), "BASELINE, 2026-1", "person", "info"),
            Moment(
                NOW - timedelta(hours=5),
                "shield",
                _("Police told", "警察に伝えた"),
                _("Opened by a named officer", "担当官が開封"),
                "partner",
                "success",
            ),
            Moment(
                NOW - timedelta(hours=1), "alert", _("Notice bounced", "通知が届かなかった"), "550", "system", "error"
            ),
        ],
        "leaving": leaving,
        "recipients": ["abuse@harbour.example"],
        "consequence": _(
            "The notice is sent at once and cannot be called back.", "通知はすぐに送られ、取り消せません。"
        ),
        "confirm_label": _("Send the notice", "通知を送る"),
        "cancel_url": "/case/1",
        "danger": True,
        "wrong_form": wrong,
        "steps": [_("Address", "アドレス"), _("State", "状態"), _("Confirm", "確認した")],
        "current": 2,
    }
