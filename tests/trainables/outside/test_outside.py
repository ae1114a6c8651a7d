"""What comes from outside is read, or refused in one safe line of bounded length."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.outside.files import decoded, read_text
from trainables.outside.json import parse_json
from trainables.outside.text import LINE, Unreadable, bounded, escaped, shown
from trainables.outside.yaml import SIZE, parse_yaml, read_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED_YAML = [
    ("a: 1\nb: 2\na: 3", 'line 3: the key "a" stands twice (first on line 1)'),
    ("a:\n  b: {c: 1, c: 1}", 'line 2: the key "c" stands twice'),
    ('{"a": 1, "a": 2}', 'the key "a" stands twice'),
    ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x", "stands twice"),
    ("a: [1", "line 1: not valid YAML"),
    ("a: b: c", "line 1: not valid YAML"),
    ("a: 1\n--- \nb: 2", "another document"),
    ("a: *b", "undefined alias"),
    ("a: " + "[" * 5000, "nested more than 32 deep"),
    ("[" * 5000, "nested"),
    ('{"a":' * 200 + "1" + "}" * 200, "nested more than 32 deep"),
    ("".join(f"{' ' * i}a:\n" for i in range(40)), "line 32: is nested more than 32 deep"),
    (LAUGHS, "aliases and all"),
    ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60)), "nested more than 32 deep"),
    ("a: &a [*a]", "within what it refers to"),
    ("a: 2024-01-31", "a: line 1: 2024-01-31 is a date, and no field takes one; if it is text, put it in quotes"),
    ("a: 2024-13-45", "is a date"),
    ("a: 2024-01-31T10:00:00Z", "is a date"),
    ("a: 1" + "0" * 400, "too large; whole numbers go up to"),
    ('{"a": {"b": [1' + "0" * 5000 + "]}}", 'sweep.yaml: a.b[0]: "1000'),
    ("a: 9223372036854775808", "too large"),
    ("a: .inf", "is no number that can be computed with"),
    ("a: -.INF", "is no number"),
    ("a: .nan", "is no number"),
    ("a: 1e999", "is no number"),
    ('{"a": NaN}', "is no number"),
    ('{"a": -Infinity}', "is no number"),
    ("a: !!python/object/apply:os.system [x]", "the tag"),
    ("a: !!binary aGk=", "the tag"),
    ("a: !secret x", "the tag"),
    ("a: !!int x", '"x" is no int'),
    ("a: !!bool maybe", '"maybe" is no bool'),
    ("? [1, 2]\n: 3", "a key is a list or a mapping"),
    ("a: \x1b[2J", 'line 1: not valid YAML (it has the character "\\x1b")'),
    ('a: {b: "\\e[2J"}', r"a.b: has the control character \x1b"),
    ('{"a": ["\\u0000"]}', r"a[0]: has the control character \x00"),
    ('a: "\\ud800"', r"has half a character \ud800"),
    ("a: " + "x" * SIZE, "has more than"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED_YAML, ids=[said[:40] for _, said in REFUSED_YAML])
def test_what_a_reader_would_not_expect_is_refused_in_one_line(text, said):
    with pytest.raises(Unreadable) as caught:
        parse_yaml(text, "sweep.yaml")
    line = str(caught.value)
    assert line.startswith("sweep.yaml: ")
    assert said in line
    assert len(line) <= LINE
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no\nb: on\nc: true\nd: ~\ne:\n", {"a": "no", "b": "on", "c": True, "d": None, "e": None}),
        ("[1e-5, 1.0e-05, .5, 5., -3, +4, 1_000, 0x1f]", [1e-5, 1e-5, 0.5, 5.0, -3, 4, 1000, 31]),
        ("[010, 1:30, 1.2.3, 12ab, '2024-01-31', !!str 7]", ["010", "1:30", "1.2.3", "12ab", "2024-01-31", "7"]),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: *x\n", {"a": {"b": 1}, "c": {"b": 1, "d": {"b": 1}}}),
        (
            "a:\n  n: &x {<<: &y {p: 1, q: 1}, p: 2}\nb: {<<: [*x, *y]}\n",
            {"a": {"n": {"p": 2, "q": 1}}, "b": {"p": 2, "q": 1}},
        ),
        ("0: a\n1: b\n", {0: "a", 1: "b"}),
        ('{\n\t"a": "\\ud83d\\ude00",\n\t"b": 1e5\n}', {"a": "😀", "b": 1e5}),
        ("{a: 1}", {"a": 1}),
        ("", None),
    ],
)
def test_what_is_plain_is_read(text, value):
    found = parse_yaml(text, "-")
    assert found == value
    assert str(found) == str(value) or "<<" in text  # 1 is not true, nor 1.0


PLAIN: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cc", "Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(PLAIN, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_json_is_yaml(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if value == {} or not isinstance(value, dict | list):
        text = f"[{text}]"
        value = [value]
    assert parse_yaml(text, "-") == value
    assert parse_json(text, "-") == value


@given(st.text(max_size=60))
def test_no_text_at_all_gives_more_than_a_line(text):
    said = ""
    try:
        parse_yaml(text, "f")
    except Unreadable as refused:
        said = str(refused)
    assert len(said) <= LINE
    assert escaped(said) == said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("a: ä".encode("utf-16"), "is UTF-16, which is not read; save it as UTF-8"),
        ("a: ä".encode("utf-32"), "is UTF-32"),
        ("a: 1".encode("utf-16-le"), "has zero bytes"),
        ("a: 1\nb: größe".encode("latin-1"), r"line 2: is not UTF-8 (byte 0xf6), but maybe Latin-1; save it as UTF-8"),
        (b"\xef\xbb\xbfa: 1\n\xff", "line 2: is not UTF-8 (byte 0xff)"),
    ],
)
def test_other_encodings_are_refused_with_the_mend(data, said, tmp_path):
    (tmp_path / "a.yaml").write_bytes(data)
    with pytest.raises(Unreadable) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert str(caught.value).startswith(f"{tmp_path / 'a.yaml'}: ")
    assert said in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(tmp_path / "a.yaml") == {"a": 1}
    assert decoded(b"\xef\xbb\xbf{}", "-") == "{}"


def test_what_is_no_file_is_said(tmp_path):
    for path, said in ((tmp_path, "is no file"), (tmp_path / "none", "there is no such file")):
        with pytest.raises(Unreadable, match=said):
            read_text(path)
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(Unreadable, match="more than 10 bytes"):
        read_text(tmp_path / "large", 10)
    for name in ("a\0b", "x" * 5000):
        with pytest.raises(Unreadable) as caught:
            read_text(tmp_path / name)
        assert len(str(caught.value)) <= LINE


@given(st.text(max_size=400) | PLAIN)
def test_a_shown_value_is_one_short_safe_line(value):
    line = shown(value, 40)
    assert len(line) <= 40
    assert all(one.isprintable() or one in "\u200c\u200d" for one in line)
    safe = isinstance(value, str) and len(value) < 30 and value.isprintable() and not {"\\", '"'} & set(value)
    assert not safe or line == f'"{value}"'


def test_what_a_terminal_would_obey_is_an_escape():
    assert escaped("\x1b]0;x\x07\x9b2J\u202e\n") == r"\x1b]0;x\x07\x9b2J\u202e\n"
    assert escaped("zwei\nZeilen", keep="\n") == "zwei\nZeilen"
    assert shown(10**400) == "a number of about 401 digits"
    assert shown({"a": [True, None, math.pi]}) == f'{{"a": [true, null, {math.pi}]}}'
    long = bounded("file.yaml: " + "x" * 1000 + "; take it out")
    assert len(long) == LINE
    assert long.startswith("file.yaml: xx")
    assert long.endswith("xx; take it out")
