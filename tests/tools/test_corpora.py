"""The formats that translated text comes in, each in a small file of its own making."""

from __future__ import annotations

import gzip
import sqlite3
import struct
from contextlib import closing

from tools.corpora import readers
from tools.corpora.__main__ import write
from tools.corpora.catalogue import CATALOGUE, EDITIONS, LANGUAGES, packages
from trainables.task_types import get_task_type
from trainables.tasks import get_task


def catalogue_of(messages: dict[bytes, bytes]) -> bytes:
    """A `.mo` file, written as the GNU gettext manual has it."""
    head = 28 + 16 * len(messages)
    tables, texts, offset = [b"", b""], b"", head
    for column in range(2):
        for pair in messages.items():
            text = pair[column]
            tables[column] += struct.pack("<2I", len(text), offset)
            texts, offset = texts + text + b"\0", offset + len(text) + 1
    numbers = (0x950412DE, 0, len(messages), 28, 28 + 8 * len(messages), 0, head)
    return struct.pack("<7I", *numbers) + tables[0] + tables[1] + texts


def test_gettext_catalogues(tmp_path):
    file = tmp_path / "x.mo"
    messages = {b"": b"Content-Type: text/plain", b"menu\x04Open": "Öffnen".encode(), b"a day\0days": b"ein Tag\0Tage"}
    file.write_bytes(catalogue_of(messages))
    assert list(readers.gettext(file)) == [("Open", "Öffnen"), ("a day", "ein Tag")]


def test_dictionaries_of_the_dict_server(tmp_path):
    entries = {
        "00databaseinfo": "All about it",
        "above": 'above /əbˈʌv/ <Prep>\n1. ऊपर, पर~से\n      "It is above."\n2. ऊँचा\n3. उच्च',
        "cat": "cat\nKatze <fem> [zool.]",
    }
    text, index = b"", ""
    for word, entry in entries.items():
        index += f"{word}\t{digits(len(text))}\t{digits(len(entry.encode()))}\n"
        text += entry.encode()
    (tmp_path / "x.dict.dz").write_bytes(gzip.compress(text))
    (tmp_path / "x.index").write_text(index)
    found = [("above", "ऊपर"), ("above", "पर से"), ("above", "ऊँचा"), ("cat", "Katze")]
    assert list(readers.dictionary(tmp_path / "x.index", english_first=True)) == found
    assert next(readers.dictionary(tmp_path / "x.index", english_first=False)) == ("ऊपर", "above")


def digits(number: int) -> str:
    out = ""
    while number or not out:
        number, rest = divmod(number, 64)
        out = readers._ALPHABET[rest] + out
    return out


def test_cedict(tmp_path):
    with gzip.open(tmp_path / "c.gz", "wt") as file:
        file.write("# comment\n貓 猫 [mao1] /cat (CL:隻|只[zhi1])/puss/\n")
    assert ("puss", "猫") in list(readers.cedict(tmp_path / "c.gz"))


def test_help_pages_are_aligned_by_the_ids_of_their_paragraphs(tmp_path):
    for name, first, second in (("en", "Choose <em>Insert</em>. Then click.", "Bye"), ("de", "Wähle. Klicke.", "Ab")):
        page = tmp_path / name / "a" / "page.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<p id="par_1">{first}</p><p>{second}</p><h1 id="hd_{name}">only here</h1>')
    pairs = list(readers.help_pages(tmp_path / "en", tmp_path / "de"))
    assert pairs == [("Choose Insert. Then click.", "Wähle. Klicke.")]
    assert readers.sentences(pairs[0]) == [("Choose Insert.", "Wähle."), ("Then click.", "Klicke.")]
    assert readers.sentences(("One. Two.", "Eins")) == [("One. Two.", "Eins")]


def test_mediawiki_messages(tmp_path):
    (tmp_path / "en.json").write_text('{"@metadata": {}, "a": "House", "b": "only English"}')
    (tmp_path / "sw.json").write_text('{"@metadata": {}, "a": "Nyumba"}')
    assert list(readers.mediawiki(tmp_path, "sw")) == [("House", "Nyumba")]


def test_verses_of_two_editions(tmp_path):
    with closing(sqlite3.connect(tmp_path / "b.db")) as database, database:
        database.execute("CREATE TABLE bible (id, bbName, bNumber, cNumber, vNumber, vText)")
        rows = [
            (1, "4", 1, 1, 1, "A day. A night."),
            (2, "4", 1, 1, 2, "Only here."),
            (3, "i", 1, 1, 1, "दिन। रात। (भज. 5:4)"),
        ]
        database.executemany("INSERT INTO bible VALUES (?, ?, ?, ?, ?, ?)", rows)
    (pair,) = readers.verses(tmp_path / "b.db", "4", "i")
    assert readers.sentences(pair) == [("A day.", "दिन।"), ("A night.", "रात।")]
    assert not list(readers.verses(tmp_path / "b.db", "4", "r"))


def test_stamps(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dog.txt").write_text(
        "A small dog.\nde.utf8=Ein kleiner Hund.\nel.utf8=Ένα σκυλάκι.\nhi.utf8=कुत्ता |\n"
    )
    (tmp_path / "empty.txt").write_text("")
    assert list(readers.stamps(tmp_path, "de")) == [("A small dog.", "Ein kleiner Hund.")]
    assert list(readers.stamps(tmp_path, "hi")) == [("A small dog.", "कुत्ता")]
    assert not list(readers.stamps(tmp_path, "e"))


def test_annotations_of_the_same_characters(tmp_path):
    rows = {"en": ("cat | pet", "cat"), "sw": ("paka | mnyama", "paka")}
    for code, (keywords, name) in rows.items():
        lines = f'<annotation cp="🐈">{keywords}</annotation><annotation cp="🐈" type="tts">{name}</annotation>'
        more = '<annotation cp="🐀" type="tts">rat</annotation>' if code == "en" else ""
        (tmp_path / f"{code}.xml").write_text(f"<ldml><annotations>{lines}{more}</annotations></ldml>")
    assert list(readers.character_names(tmp_path, "sw")) == [("cat", "paka")]


def test_dialogues(tmp_path):
    (tmp_path / "cave").mkdir()
    script = """dialogId("a-1", "font_small", "Are you \\\\"there\\\\"?")
dialogStr("Bist du da?")

dialogId("a-2", "font_big", "Not translated.")
"""
    (tmp_path / "cave" / "dialogs_de.lua").write_text(script.replace("\\\\", "\\"))
    assert list(readers.dialogues(tmp_path, "de")) == [('Are you "there"?', "Bist du da?")]
    assert not list(readers.dialogues(tmp_path, "fr"))


def test_what_is_no_pair_of_texts_is_left_out_and_the_order_is_no_matter(tmp_path):
    raw = [
        ("_File <b>name</b>", "~Datei  Name"),
        ("File name", "Datei Name"),  # the same once more
        ("same", "same"),
        ("%s files", "%s Dateien"),
        ("12", "34"),
    ]
    assert write(tmp_path / "a.tsv", raw) == write(tmp_path / "b.tsv", raw[::-1]) == 1
    assert (tmp_path / "a.tsv").read_text() == (tmp_path / "b.tsv").read_text() == "File name\tDatei Name\n"


def test_every_language_of_a_corpus_has_packages():
    for corpus in CATALOGUE:
        for language in corpus.languages:
            in_the_index = corpus.name == "bible" or (corpus.name, language) == ("dictionaries", "zh")
            assert in_the_index or packages(corpus, language), (corpus.name, language)
    assert set(next(corpus for corpus in CATALOGUE if corpus.name == "bible").languages) == EDITIONS.keys() - {"en"}


def test_each_corpus_is_a_task_in_languages_that_the_catalogue_knows():
    for corpus in CATALOGUE:
        task = get_task(corpus.name)
        assert get_task_type(task.type).reads_text
        assert task.languages == ("en", *corpus.languages)
        assert set(corpus.languages) <= set(LANGUAGES)
    assert set(get_task("bible").languages) == set(EDITIONS)
