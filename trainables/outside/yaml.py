"""YAML, read strictly: what a reader of the file would not expect is refused in a line with its number.

Some things are other than in YAML 1.1, which PyYAML reads, most of them as in YAML 1.2: `yes`, `no`, `on` and `off` are
text (`no` is Norwegian); `1e-5` is a number; `010` and `1:30` are text; a date is refused, since it may be meant as
text; a key may stand once; aliases may not grow without bound; tags are refused. JSON is YAML.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from trainables.outside.files import read_text
from trainables.outside.json import NotJson, parse_json
from trainables.outside.text import Unreadable, shown
from trainables.outside.values import DEPTH, NODES, Refused, checked, finite, whole

SIZE = 2**18
"""Bytes of a file that somebody writes by hand, at most."""

_TAG = "tag:yaml.org,2002:"


def read_yaml(path: Path) -> Any:
    """What a YAML (or JSON) file holds. Raises Unreadable, a line with the file, the place, and the mend."""
    return parse_yaml(read_text(path, SIZE), str(path))


def parse_yaml(text: str, name: str) -> Any:
    """What `text` holds, which is YAML or JSON: mappings, lists, texts, finite numbers, true, false, null.

    Args:
        name: how the line of an error calls it.

    Raises:
        Unreadable: it is no YAML, or more than this reader takes.
    """
    if len(text) > SIZE:
        raise Unreadable(f"{name}: has more than {SIZE:,} characters; no field needs so many")
    if text.lstrip()[:1] in ("{", "["):
        try:  # YAML reads half of the escapes of JSON, and no tabs
            return parse_json(text, name)
        except NotJson:
            pass
    try:
        value = _Loader(text, name).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        said = ", ".join(filter(None, (error.context, error.problem)))
        raise Unreadable(f"{name}: {where}not valid YAML ({said})") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise Unreadable(
            f"{name}: line {line}: not valid YAML (it has the character {shown(text[error.position])}); take it out"
        ) from None
    return checked(value, name)


class _Loader(yaml.SafeLoader):
    """Counts what it makes before it is made, and knows the few types that a file of ours may hold."""

    yaml_implicit_resolvers = {}  # noqa: RUF012
    yaml_constructors = {}  # noqa: RUF012

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self._name = name
        self._depth = 0
        self._count = 0
        self._sizes: dict[int, tuple[int, int]] = {}
        """Of each node that is whole: how many values it has, and how deep they are."""
        self._deepest = 0

    def refuse(self, node: Node, line: str) -> Unreadable:
        return Unreadable(f"{self._name}: line {node.start_mark.line + 1}: {line}")

    def compose_node(self, parent: Any, index: Any) -> Any:
        alias = self.check_event(yaml.AliasEvent)
        before, outside, self._deepest = self._count, self._deepest, 0
        self._depth += 1
        if self._depth > DEPTH:
            raise Unreadable(
                f"{self._name}: line {self.peek_event().start_mark.line + 1}: is nested more than {DEPTH} deep; "
                "no field needs that"
            )
        node = super().compose_node(parent, index)
        assert node is not None
        if alias:
            if id(node) not in self._sizes:
                raise self.refuse(node, "an alias stands within what it refers to; write the value out")
            size, self._deepest = self._sizes[id(node)]
            self._count += size
        else:
            self._count += 1
            self._deepest += 1
            self._sizes[id(node)] = self._count - before, self._deepest
        if self._count > NODES or self._depth + self._deepest > DEPTH + 1:
            raise self.refuse(
                node, f"aliases and all, it has more than {NODES:,} values, or is nested more than {DEPTH} deep"
            )
        self._depth -= 1
        self._deepest = max(self._deepest, outside)
        return node

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self.refuse(key_node, "a key is a list or a mapping; give a word")
            key = "<<" if key_node.tag == f"{_TAG}merge" else self.construct_object(key_node)
            if key in seen:
                raise self.refuse(
                    key_node, f"the key {shown(key)} stands twice (first on line {seen[key]}); leave one of them out"
                )
            seen[key] = key_node.start_mark.line + 1
        return node


def _scalar(read: Any) -> Any:
    def construct(loader: Any, node: ScalarNode) -> Any:
        try:
            value = read(loader.construct_scalar(node))
        except (ValueError, KeyError):
            value = Refused(f"{shown(node.value)} is no {node.tag.removeprefix(_TAG)}")
        return Refused(f"line {node.start_mark.line + 1}: {value.line}") if isinstance(value, Refused) else value

    return construct


def _date(text: str) -> Refused:
    return Refused(f"{shown(text, 40)[1:-1]} is a date, and no field takes one; if it is text, put it in quotes")


def _refused_tag(loader: Any, node: Node) -> Any:
    raise loader.refuse(node, f"the tag {shown(node.tag, 40)} is not read here; write the value without it")


_WORDS = {"true": True, "false": False}
for _name, _pattern, _first, _construct in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF", _scalar(lambda text: _WORDS[text.lower()])),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", ""), _scalar(lambda text: None)),
    ("int", r"[-+]?(0|[1-9](_?[0-9]+)*|0x[0-9a-fA-F_]+|0o[0-7_]+)", "-+0123456789", _scalar(whole)),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*\.[0-9_]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
        _scalar(lambda text: finite(text.lower().replace(".inf", "inf").replace(".nan", "nan"))),
    ),
    ("timestamp", r"\d{4}-\d\d?-\d\d?([Tt ].*)?", "0123456789", _scalar(_date)),
    ("merge", r"<<", "<", _refused_tag),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"), list(_first))
    _Loader.add_constructor(f"{_TAG}{_name}", _construct)
_Loader.add_constructor(f"{_TAG}str", _scalar(lambda text: text))
for _name in ("seq", "map"):
    _Loader.add_constructor(f"{_TAG}{_name}", yaml.SafeLoader.yaml_constructors[f"{_TAG}{_name}"])
_Loader.add_constructor(None, _refused_tag)
