"""The icons, drawn for this project on a 24 x 24 grid with a stroke of 2; always hidden from screen readers."""

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

PATHS: dict[str, str] = {
    "alert": "M12 4 2.5 20h19zM12 10v5M12 17.5v.5",
    "archive": "M3 5h18v4H3zM5 9v10h14V9M10 13h4",
    "arrow-left": "M19 12H5M11 6l-6 6 6 6",
    "arrow-right": "M5 12h14M13 6l6 6-6 6",
    "block": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.6 5.6l12.8 12.8",
    "building": "M5 21V4h10v17M15 9h4v12M3 21h18M8 8h4M8 12h4M8 16h4",
    "calendar": "M4 6h16v14H4zM4 11h16M8 3v5M16 3v5",
    "check": "M4 12.5 9.5 18 20 6.5",
    "clock": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2",
    "cross": "M5 5l14 14M19 5 5 19",
    "dot": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8",
    "download": "M12 4v11M7 10.5l5 5 5-5M4 20h16",
    "eye": "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
    "flag": "M5 21V4h13l-3 4.5 3 4.5H5",
    "globe": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 2.5 4 5.5 4 9s-1 6.5-4 9c-3-2.5-4-5.5-4-9s1-6.5 4-9",
    "inbox": "M4 5h16l1 9v5H3v-5zM3 14h5l1.5 2.5h5L16 14h5",
    "info": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v6M12 7v.5",
    "key": "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8M11 12l8-8M16 7l3 3",
    "leave": "M10 4H4v16h6M9 12h12M16 7l5 5-5 5",
    "list": "M8 6h13M8 12h13M8 18h13M3 6h1M3 12h1M3 18h1",
    "lock": "M5 11h14v10H5zM8 11V7a4 4 0 0 1 8 0v4",
    "mail": "M3 6h18v13H3zM3 7l9 7 9-7",
    "pause": "M8 5v14M16 5v14",
    "pen": "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
    "people": "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M2 20c0-4 3-6 7-6s7 2 7 6M16 5.5q6 3 0 6M18 14c3 1 4 3 4 6",
    "phone": "M5 3h4l2 5-2.5 2a12 12 0 0 0 5.5 5.5l2-2.5 5 2v4c0 1-1 2-2 2C10 21 3 14 3 5c0-1 1-2 2-2",
    "refresh": "M4 12a8 8 0 0 1 14-5.3L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.3L4 15M4 20v-5h5",
    "scale": "M12 4v16M7 20h10M4 7h16M4 7l-2.5 7h5zM20 7l-2.5 7h5z",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 21 21",
    "server": "M4 4h16v7H4zM4 13h16v7H4zM7.5 7.5H8M7.5 16.5H8",
    "shield": "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6zM8.5 12l2.5 2.5 4.5-5",
    "user": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c0-4.5 3.5-7 8-7s8 2.5 8 7",
}


def icon(name: str) -> SafeString:
    """A use of the sprite's symbol `name`; KeyError for an unknown one."""
    if name not in PATHS:
        raise KeyError(f"no icon “{name}”; known: {', '.join(PATHS)}")
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


def sprite() -> SafeString:
    """All symbols once, at the top of a page."""
    symbols = format_html_join("", '<symbol id="i-{}" viewBox="0 0 24 24"><path d="{}"/></symbol>', PATHS.items())
    return format_html('<svg class="sprite" width="0" height="0" aria-hidden="true">{}</svg>', symbols)
