"""The report's words: (Japanese, English) by key."""

from __future__ import annotations

LANGUAGES = ("ja", "en")

WORDS: dict[str, tuple[str, str]] = {
    "title": ("ブロッキング方式の比較試験", "Trial of blocking methods"),
    "intro": (
        (
            "合成した架空のウェブ（すべて .example の名前）に対し、"
            "実物のリゾルバを使って、各方式が何を止め、何を誤って止めるかを実際の取得で数えました。"
            "違法な内容は一切含みません。同じ種の値から同じ結果の配置が再現されます。"
        ),
        (
            "E"
            "ach method was put in front of a synthetic web (every name "
            "under .example) with real resolvers, and what it stops, and "
            "stops by mistake, was counted from real fetches. "
            "Nothing unlawful is in it. The same seed draws the same web."
        ),
    ),
    "held": ("実施日（UTC）", "Held on (UTC)"),
    "size": ("規模", "Size"),
    "seed": ("種の値", "Seed"),
    "hosts": ("ホスト", "Hosts"),
    "addresses": ("IP アドレス", "IP addresses"),
    "pages": ("ページ", "Pages"),
    "unlawful": ("うち掲載対象", "Of these to be listed"),
    "sharing": ("アドレスを共有するサイト", "Sites that share an address"),
    "gate": ("審査を通った項目（名前／ページ）", "Entries that passed the gate (names / pages)"),
    "refused": ("審査が拒んだ名前", "Names the gate refused"),
    "result": ("結果", "Result"),
    "dns_clean": (
        "審査を通った名前による DNS 方式は、合法なページの取得 {fetches} 回のうち 0 回しか止めませんでした。",
        "DNS methods with names that passed the gate stopped none of {fetches} fetches of lawful pages.",
    ),
    "dns_hit": (
        "審査を通った名前による DNS 方式が、合法なページの取得 {fetches} 回のうち {refused} 回を止めました。",
        "DNS methods with names that passed the gate stopped {refused} of {fetches} fetches of lawful pages.",
    ),
    "ungated": (
        "ip-route と sni には、審査を経ない命令どおりの宛先を入れました。その害を示すためです。",
        "ip-route and sni were given what an order says, judged by no gate: to show the harm that does.",
    ),
    "over": ("誤って止めた割合（合法ページの取得のうち）", "Over-blocking: share of fetches of lawful pages refused"),
    "under": (
        "止められなかった割合（対象ページの取得のうち）",
        "Under-blocking: share of fetches of listed pages that got through",
    ),
    "latency": ("追加の遅延（ミリ秒）", "Added latency (milliseconds)"),
    "seconds": ("発効と解除までの秒数（中央値）", "Seconds to effect and to lift (median)"),
    "cost": ("費用（方式なしの値を括弧内に示す）", "Cost (without the method in brackets)"),
    "method": ("方式", "Method"),
    "out_of_reach": ("方式の届かない利用者", "Client out of the method's reach"),
    "single_page": ("ページ単位の項目", "Single-page entry"),
    "not_seen": ("方式から見えない", "Not seen by the method"),
    "median": ("中央値", "Median"),
    "p95": ("95 パーセンタイル", "95th percentile"),
    "effect": ("発効", "Effect"),
    "lift": ("解除", "Lift"),
    "share": ("割合", "Share"),
    "count": ("回数", "Counts"),
    "hosts_hit": ("止められた合法ホスト", "Lawful hosts refused"),
    "cpu": ("CPU 秒", "CPU seconds"),
    "memory": ("メモリ（MiB）", "Memory (MiB)"),
    "methods": ("方式の説明", "The methods"),
    "dns-unbound": ("Unbound の応答方針ゾーン（RPZ）。", "Response policy zone (RPZ) in Unbound."),
    "dns-bind": ("BIND の応答方針ゾーン。", "Response policy zone in BIND."),
    "dns-powerdns": (
        "PowerDNS Recursor の応答方針ゾーン。毎秒一度、変更を見に行きます。",
        "Response policy zone in PowerDNS Recursor, which looks for changes once a second.",
    ),
    "ip-route": (
        "事業者のルータが、対象ページのある IP アドレスへは転送せず、接続を拒みます（審査なし）。",
        "The provider's router does not forward to addresses of listed pages, but refuses (no gate).",
    ),
    "sni": (
        "TLS の接続で名前を読み、対象のホストなら切断します（審査なし）。http と、名前が暗号化された接続は見えません。",
        (
            "R"
            "eads the name in TLS connections and resets those to hosts of "
            "listed pages (no gate). It sees neither http nor encrypted names."
        ),
    ),
    "two-stage": (
        "DNS で対象ホストを代理サーバへ導き、ページ単位で拒みます。TLS の中のページは見えないため通します。",
        (
            "DNS leads hosts of listed pages to a proxy that refuses single pages. "
            "It does not see pages within TLS and lets them through."
        ),
    ),
    "client-hash": (
        "端末がハッシュの一覧を持ち、毎秒更新し、取得の前に照合します。",
        "The client keeps a list of hashes, renews it each second and asks it before each fetch.",
    ),
    "limits": ("読み方と限界", "How to read this, and its limits"),
    "limit_share": (
        (
            "対象ページはそれぞれ {clients} 人が取得し、そのうち 1 "
            "人は別のリゾルバを使います（client-hash では一覧を持ちません）。この割合は仮定であり、測定値ではありません。"
        ),
        (
            "E"
            "ach listed page is fetched by {clients} clients; one of them "
            "uses another resolver (with client-hash: keeps no list). "
            "That share is assumed, not measured."
        ),
    ),
    "limit_web": (
        "アドレスの共有は公表値（CSMG／Ofcom 2012）に従います。サイトの種類と掲載対象の割合は設計上の値です。",
        (
            "How many sites share an address follows published figures (CSMG for Ofcom, 2012). "
            "Kinds of sites and the share listed are chosen."
        ),
    ),
    "limit_time": (
        (
            "すべて一台の機械の仮想回線での値です。遅延と秒数は実網の距離を含みません。ルータの CPU "
            "はカーネル内にあり数えていません。client-hash の一覧更新は実際の製品では数十分間隔です。"
        ),
        (
            "All on one machine over virtual links: latency and seconds hold no distance. "
            "A router's processor time is the kernel's and not counted. "
            "Products with hash lists renew them every half an hour or so, not each second."
        ),
    ),
}
