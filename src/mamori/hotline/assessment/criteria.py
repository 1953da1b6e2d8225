"""The criteria an assessment follows, by version. A version is never changed: a new law gets a new one.

Law codes keep neutral names. Sources: Act No. 52 of 1999 as amended by Act No. 79 of 2014 (Japan), Articles 2 and 7;
INTERPOL, baseline criteria; Internet Hotline Center Japan, operation guideline.
"""

from datetime import date
from typing import Any

VERSIONS: tuple[dict[str, Any], ...] = (
    {
        "version": "JP-2014.1",
        "jurisdiction": "JP",
        "in_force_from": date(2014, 7, 15),
        "title_en": "Act on Regulation and Punishment of Acts Relating to Child Prostitution and Child Pornography",
        "title_ja": "児童買春、児童ポルノに係る行為等の規制及び処罰並びに児童の保護等に関する法律",
        "law_codes": [
            {"code": "JP-2-3-1", "en": "Article 2(3) item 1 (definition)", "ja": "第2条第3項第1号（定義）"},
            {"code": "JP-2-3-2", "en": "Article 2(3) item 2 (definition)", "ja": "第2条第3項第2号（定義）"},
            {"code": "JP-2-3-3", "en": "Article 2(3) item 3 (definition)", "ja": "第2条第3項第3号（定義）"},
            {"code": "JP-7-2", "en": "Article 7(2): provision", "ja": "第7条第2項（提供）"},
            {
                "code": "JP-7-6",
                "en": "Article 7(6): provision to the public, or public display",
                "ja": "第7条第6項（不特定・多数への提供、公然陳列）",
            },
        ],
        "guideline": [
            {
                "name_en": "Baseline",
                "name_ja": "ベースライン",
                "text_en": "A real child who appears to be under 13, and content that is illegal in every country.",
                "text_ja": "実在し、13歳未満に見える児童で、どの国でも違法となるもの。",
            },
            {
                "name_en": "National law",
                "name_ja": "国内法",
                "text_en": "A real child under 18, and an item of the definition in Article 2(3).",
                "text_ja": "実在する18歳未満の児童で、第2条第3項の定義のいずれかに当たるもの。",
            },
            {
                "name_en": "Open to others",
                "name_ja": "公開性",
                "text_en": "Others can reach it over the internet, with or without an account.",
                "text_ja": "アカウントの有無を問わず、インターネット上で他人が閲覧できること。",
            },
            {
                "name_en": "In doubt",
                "name_ja": "判断できないとき",
                "text_en": "If age or reality cannot be told, answer “undetermined” and say why: never guess.",
                "text_ja": "年齢や実在性が判断できないときは推測せず「判断不能」とし、理由を記録する。",
            },
        ],
    },
)
