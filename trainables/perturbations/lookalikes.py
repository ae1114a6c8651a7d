"""Letters that are read as each other in print, by script: of one shape but for a dot, a stroke, or an opening.

A group is what may be read as any other of it. Scripts that are not here have no table.
"""

from __future__ import annotations

from functools import cache

GROUPS = {
    "LATIN": "rn m|cl d|vv w|li h|nn m|i l j|c e o|u v|n h|f t|a o|g q|B R|C G|O Q D|E F|I l|P R|U V|M N",
    "CYRILLIC": "ш щ|и н п|л п|ь ъ|е с|в з|о с|б в|ц ч|г т|ы ь|Ш Щ|И Н П|Л П|Е С|В З|О С|Ц Ч|Г Т",
    "GREEK": "ν υ|ρ φ|ο σ|α σ|η π|ι ί|ε ξ|χ κ|Α Λ Δ|Ο Θ|Ε Σ|Γ Τ",
    "ARABIC": "ب ت ث پ|ن ي|ج ح خ چ|د ذ|ر ز ژ|س ش|ص ض|ط ظ|ع غ|ف ق|ه ة|ک گ",
    "HEBREW": "ד ר ך|ה ח ת|ו ז ן|ב כ|ס ם|ג נ|ע צ",
    "DEVANAGARI": "घ ध|भ म|ब व|ड ङ|प ष|थ य|ख र|ज झ|त न|द ढ",
    "THAI": "ก ถ ภ|ค ด ต|ผ ฝ พ ฟ|ช ซ|บ ป|ข ช|ม น|ล ส|อ ฮ|ร ธ",
    "CJK": "未 末|土 士|日 曰 目|己 已 巳|人 入|大 太 犬|干 千 于|白 百 自|木 本|天 夫|王 玉|今 令|牛 午|石 右|刀 力",
    "KATAKANA": "ソ ン|シ ツ|ノ メ|ク ケ タ|ワ ウ|ロ コ|ス ヌ|ナ メ",
    "HIRAGANA": "は ほ|ぬ め|る ろ|わ ね れ|さ き|い り|た な|あ お",
}


@cache
def readings(script: str) -> dict[str, tuple[str, ...]]:
    """What letters (one or two) may be read as, by letters."""
    found: dict[str, set[str]] = {}
    for group in filter(None, GROUPS.get(script, "").split("|")):
        members = set(group.split())
        for member in members:
            found.setdefault(member, set()).update(members - {member})
    return {letters: tuple(sorted(others)) for letters, others in sorted(found.items()) if others}
