"""The report's words: (Japanese, English) by key. A key of a method has its name, and with `?` what it does."""

from __future__ import annotations

LANGUAGES = {"ja": "日本語", "en": "English"}

WORDS: dict[str, tuple[str, str]] = {
    "title": ("ブロッキング方式の比較試験", "Trial of blocking methods"),
    "intro": (
        (
            "合成した架空のウェブ（名前はすべて .example）の前に実物のリゾルバと各方式を置き、何を止め、何を誤って止めるかを、"
            "実際にページを取得して数えました。違法な内容は一切含みません。同じシード値からは同じウェブが再現されます。"
        ),
        (
            "Each method was put in front of a synthetic web (every name under .example) with real resolvers. What it stops, and "
            "stops by mistake, was counted by fetching the pages. Nothing unlawful is in it. The same seed draws the same web."
        ),
    ),
    "result": ("結果", "Result"),
    "dns_clean": (
        (
            "DNS 方式は、第三者も投稿するホストをすべて知る審査を通った名前では、合法なホスト {hosts} のうち 1 つも"
            "止めませんでした"
            "（{engines} 種のリゾルバそれぞれで全ホストを取得）。対象ページの取得は {fetches} 回のうち {stopped} 回を止めました。"
        ),
        (
            "DNS blocking of names that passed the gate, whose lists know every host on which others publish, stopped none of "
            "{hosts} lawful hosts, all of them asked for in each of {engines} resolvers. Of {fetches} fetches of listed pages "
            "it stopped {stopped}."
        ),
    ),
    "dns_hit": (
        (
            "DNS 方式は、第三者も投稿するホストをすべて知る審査を通った名前で、合法なホスト {hosts} のうち {refused} を"
            "誤って止めました"
            "（{engines} 種のリゾルバのうち最も多いもの）。対象ページの取得は {fetches} 回のうち {stopped} 回を止めました。"
        ),
        (
            "DNS blocking of names that passed the gate, whose lists know every host on which others publish, stopped {refused} of "
            "{hosts} lawful hosts by mistake (the worst of {engines} resolvers). "
            "Of {fetches} fetches of listed pages it stopped {stopped}."
        ),
    ),
    "dns-unknown-platforms": (
        (
            "一覧に欠けがある場合：第三者も投稿するホストのうち {unknown} がどの一覧にもないと、同じ DNS 方式は、審査を通った名前で"
            "合法なホスト {hosts} のうち {refused} を止めました。一覧にないものは審査では分からず、二人の担当者が見つけるほかありません。"
        ),
        (
            "Platforms unknown to every list: with {unknown} of the hosts on which others publish on none of the gate's lists, "
            "the same by DNS stopped {refused} of {hosts} lawful hosts. What no list names the gate cannot know: "
            "it is left to the two persons who sign."
        ),
    ),
    "no dns-unknown-platforms": (
        "一覧に欠けがある場合の値はありません（この結果は古い版のプログラムによるものです）。",
        "What happens where the lists have gaps was not measured: this result is of an older program.",
    ),
    "no dns-ungated": (
        "審査を経ない場合の対照の値はありません（この結果は古い版のプログラムによるものです）。",
        "No control without a gate was held: this result is of an older program.",
    ),
    "dns-ungated": (
        "対照：同じ DNS 方式に、審査を経ない命令どおりのホスト名を入れると、合法なホスト {hosts} のうち {refused} を止めました。",
        "The control: the same by DNS, given the hosts that an order names and no gate judged, stopped {refused} of {hosts} lawful hosts.",
    ),
    "ungated": (
        "IP アドレスと TLS の名前による方式には、審査を経ない命令どおりの宛先を入れました。その害を示すためです。",
        "The methods by IP address and by name in TLS were given what an order says, judged by no gate: to show the harm.",
    ),
    "over": ("誤って止めた割合（合法なホストのうち）", "Over-blocking: share of lawful hosts stopped by mistake"),
    "under": (
        "止められなかった割合（対象ページの取得のうち）",
        "Under-blocking: share of fetches of listed pages that got through",
    ),
    "under_how": (
        (
            "届かない利用者：別のリゾルバを使うか、一覧を持たない利用者。ページ単位：ホスト全体を止めてはならないため、この方式には"
            "渡さない項目。見えない：渡したが、暗号化されているか http のため、方式には見えないもの。"
        ),
        (
            "Client out of reach: uses another resolver, or keeps no list. Single page: not given to this method, which could only "
            "stop the whole host. Not seen: given to the method, but hidden from it, being encrypted or http."
        ),
    ),
    "latency": ("追加の遅延（ミリ秒）", "Added latency (milliseconds)"),
    "latency_how": (
        (
            "方式のある取得とない取得を一組ずつ続けて行い、中央値は組ごとの差の中央値、95 パーセンタイルは双方の値の差です。"
            "ほかの処理で混み合う機械では数ミリ秒の揺れがあり、負の値は揺れです。"
        ),
        (
            "Each page was fetched with the method and at once before or after without: the median is that of the differences, the "
            "95th percentile is the difference of both. A busy machine makes them waver by milliseconds; figures below zero are that."
        ),
    ),
    "seconds": ("発効と解除までの秒数（中央値）", "Seconds to effect and to lift (median)"),
    "cost": ("費用（括弧内は方式なしの値）", "Cost (without the method in brackets)"),
    "method": ("方式", "Method"),
    "out_of_reach": ("届かない利用者", "Client out of reach"),
    "single_page": ("ページ単位", "Single page"),
    "not_seen": ("見えない", "Not seen"),
    "median": ("中央値", "Median"),
    "p95": ("95 パーセンタイル", "95th percentile"),
    "effect": ("発効", "Effect"),
    "lift": ("解除", "Lift"),
    "share": ("割合", "Share"),
    "reached": ("通った取得", "Got through"),
    "hosts_hit": ("止められた合法ホスト", "Lawful hosts stopped"),
    "pages_hit": ("止められた合法ページ", "Lawful pages stopped"),
    "cpu": ("CPU（ミリ秒／取得）", "CPU (ms per fetch)"),
    "memory": ("メモリ（MiB）", "Memory (MiB)"),
    "methods": ("方式の説明", "The methods"),
    "dns-unbound": ("DNS（Unbound）", "DNS (Unbound)"),
    "dns-unbound?": (
        "応答方針ゾーン（RPZ）で「その名前はない」と答えます。",
        "Response policy zone (RPZ): no such name.",
    ),
    "dns-bind": ("DNS（BIND）", "DNS (BIND)"),
    "dns-bind?": ("同上。", "The same."),
    "dns-powerdns": ("DNS（PowerDNS）", "DNS (PowerDNS)"),
    "dns-powerdns?": ("同上。毎秒一度、変更を見に行きます。", "The same; it looks for changes once a second."),
    "ip-route": ("IP アドレス", "IP address"),
    "ip-route?": (
        "事業者のルータが、対象ページのある IP アドレスへは転送せず、接続を拒みます（審査なし）。",
        "The provider's router does not forward to addresses of listed pages, but refuses (no gate).",
    ),
    "sni": ("TLS の名前（SNI）", "Name in TLS (SNI)"),
    "sni?": (
        "TLS の接続で名前を読み、対象ページのあるホストなら切断します（審査なし）。http と、名前が暗号化された接続は見えません。",
        (
            "Reads the name in TLS connections and resets those to hosts of listed pages (no gate). "
            "It sees neither http nor encrypted names."
        ),
    ),
    "two-stage": ("DNS と代理サーバ", "DNS and proxy"),
    "two-stage?": (
        (
            "名前は DNS で止めます。ページ単位の項目は、DNS でホストを代理サーバへ導き、ページだけを拒みます。"
            "TLS の中のページは見えないため通します。"
        ),
        (
            "Names are stopped by DNS. For single pages DNS leads the host to a proxy, which refuses the page alone. "
            "It does not see pages within TLS and lets them through."
        ),
    ),
    "client-hash": ("端末の一覧", "List on the client"),
    "client-hash?": (
        "端末がハッシュの一覧を持ち、毎秒更新し、取得の前に照合します。",
        "The client keeps a list of hashes, renews it each second and asks it before each fetch.",
    ),
    "about": ("試験の内容", "The trial"),
    "held": ("実施日（UTC）", "Held on (UTC)"),
    "size": ("規模", "Size"),
    "small": ("小", "small"),
    "full": ("全", "full"),
    "seed": ("シード値", "Seed"),
    "hosts": ("ホスト", "Hosts"),
    "addresses": ("IP アドレス", "IP addresses"),
    "sharing": ("アドレスを共有するサイト", "Sites that share an address"),
    "pages": ("ページ", "Pages"),
    "unlawful": ("うち掲載対象", "Of these to be listed"),
    "gate": ("審査を通った項目（名前／ページ）", "Entries that passed the gate (names / pages)"),
    "refused": ("審査が拒んだ名前", "Names the gate refused"),
    "machine": ("機械と版", "Machine and commit"),
    "faults": ("回線の不調として数えなかった取得", "Fetches not counted, for faults of the network"),
    "took": ("かかった秒数", "Seconds it took"),
    "load": ("機械の負荷（前／後）", "Load of the machine (before / after)"),
    "limits": ("読み方と限界", "How to read this, and its limits"),
    "limit_block": (
        "止めたと数えるのは、方式があると {tries} 回とも届かず、方式がなければ {tries} 回とも届いたページだけです。",
        "A page counts as stopped only where it was reached in none of {tries} tries with the method and in all without.",
    ),
    "limit_share": (
        (
            "合法なページは方式の届く利用者が 1 回ずつ取得します。対象ページはそれぞれ {clients} 人が取得し、そのうち 1 人は別のリゾルバを"
            "使います（「端末の一覧」では一覧を持ちません）。この割合は仮定であり、測定値ではありません。"
        ),
        (
            "Each lawful page is fetched once, by a client within the method's reach. Each listed page is fetched by {clients} "
            "clients; one of them uses another resolver (or keeps no list). That share is assumed, not measured."
        ),
    ),
    "limit_web": (
        (
            "アドレスの共有は公表値（CSMG／Ofcom 2012）に従います。サイトの種類は設計上の値で、掲載対象はホストの {listed} と"
            "現実よりはるかに多くしてあります。方式どうしの比較に用い、割合を現実に当てはめないでください。"
        ),
        (
            "How many sites share an address follows published figures (CSMG for Ofcom, 2012). Kinds of sites are chosen, and with "
            "{listed} far more hosts are listed than in reality: compare the methods, not these shares with the world."
        ),
    ),
    "limit_time": (
        (
            "すべて一台の機械の仮想回線での値です。遅延と秒数は実網の距離を含みません。途中に置く装置はこの試験のための Python "
            "プログラムで、製品より遅いものです。ルータの CPU はカーネル内にあり数えていません。"
            "端末の一覧の更新は、実際の製品では数十分間隔です。"
        ),
        (
            "All on one machine over virtual links: latency and seconds hold no distance. The boxes in the way are Python programs "
            "of the trial, slower than a product. A router's processor time is the kernel's and not counted. "
            "Products with lists on the client renew them every half an hour or so, not each second."
        ),
    ),
}
