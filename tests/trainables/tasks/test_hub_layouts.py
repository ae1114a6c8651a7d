"""Where the tasks' rows lie on the hub, as could be verified from stored copies of its pages, scripts and listings:
repositories, paths, columns, the order of classes, how many rows there are. All sentences are invented."""

from dataclasses import dataclass, field

import datasets
import pytest

from trainables.task_types import get_task_type
from trainables.tasks import HubSource, all_tasks, get_task

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONVERTED = "refs/convert/parquet"
TEXT = datasets.Value("string")
NLI = ("entailment", "neutral", "contradiction")
UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM",
    "VERB", "X",
)  # fmt: skip
UD_CONFIGS = (
    "Afrikaans", "Arabic", "Basque", "Bulgarian", "Chinese", "Dutch", "English", "Estonian", "Finnish", "French",
    "German", "Greek", "Hebrew", "Hindi", "Hungarian", "Indonesian", "Italian", "Japanese", "Kazakh", "Korean",
    "Marathi", "Persian", "Portuguese", "Russian", "Spanish", "Tagalog", "Tamil", "Telugu", "Thai", "Turkish",
    "Urdu", "Vietnamese", "Yoruba",
)  # fmt: skip
NAMES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
SNLI = {"premise": "A man sleeps.", "hypothesis": "He rests.", "label": 2}
PAIR = {"text_a": "A man sleeps.", "text_b": "He rests.", "label": "contradiction"}
PAWS = {"id": 7, "sentence1": "a b", "sentence2": "b a", "label": 1}
SAME = {"id": "7", "text_a": "a b", "text_b": "b a", "label": "1"}
ANSWERS = {"text": ["Rome"], "answer_start": [0]}
SQUAD = {"id": "k", "title": "T", "question": "Where?", "context": "Rome is old.", "answers": ANSWERS}
ASKED = {"id": "k", "question": "Where?", "context": "Rome is old.", "answers": ANSWERS}
SHARD = "-00000-of-00001.parquet"


@dataclass(frozen=True)
class Layout:
    """One split of a task in one language.

    Attributes:
        paths: the files of the repository that it is in; `*` stands for the number of shards.
        record: one record of each file, as its columns have it.
        classes: by column of class numbers: the names of the classes, in order.
        row: what it becomes.
        rows: how many there are; None: not verified.
    """

    task: str
    split: str
    language: str
    dataset: str
    paths: tuple[str, ...]
    record: dict
    row: dict
    rows: int | None = None
    classes: dict = field(default_factory=dict)
    branch: str = "main"


def one(task, split, language, dataset, path, record, row, rows=None, classes=None, branch="main"):
    return Layout(task, split, language, dataset, tuple(path.split()), record, row, rows, classes or {}, branch)


LABEL = {"label": NLI}
XTREME = "google/xtreme"
COPA = {"premise": "p", "choice1": "x", "choice2": "y", "question": "cause", "idx": 5, "label": 1}
COPA_ROW = {"id": "5", "prompt": "p What was the cause?", "choices": ["x", "y"], "label": "1", "endings": ["x", "y"]}
IN_QUECHUA, IN_ENGLISH = {"query": " imataq"}, {"query": " because"}
SIQA = {"context": "c", "question": "q", "answerA": "x", "answerB": "y", "answerC": "z", "label": "3"}
SIQA_ROW = {"id": "0", "prompt": "c q", "choices": ["x", "y", "z"], "label": "2"}
COSMOS = {"id": "k", "context": "c", "question": "q", **{f"answer{n}": str(n) for n in range(4)}, "label": 3}
COSMOS_ROW = {"id": "k", "prompt": "c q", "choices": ["0", "1", "2", "3"], "label": "3"}
SWAG = {"ind": 4, "activity_label": "C", "ctx_a": "a.", "ctx_b": "b", "endings": ["x", "y"], "label": "1"}
SWAG_ROW = {"id": "4", "prompt": "a.", "choices": ["b x", "b y"], "label": "1"} | {
    "query": "C: a. B", "endings": ["x", "y"],
}  # fmt: skip
MMLU = {"question": "Q?", "subject": "anatomy", "choices": list("wxyz"), "answer": 3}
MMLU_ROW = {"id": "0", "prompt": "Q?", "choices": list("wxyz"), "label": "3", "subject": "anatomy", "parts": ["stem"]}
MMMLU = {"": 0, "Question": "Q?", "A": "w", "B": "x", "C": "y", "D": "z", "Answer": "D", "Subject": "anatomy"}
GLOBAL = {
    "sample_id": "anatomy/test/0", "subject": "anatomy", "subject_category": "STEM", "question": "Q?", "option_a": "w",
    "option_b": "x", "option_c": "y", "option_d": "z", "answer": "D", "required_knowledge": "[]",
    "time_sensitive": "[]", "reference": "[]", "culture": "[]", "region": "[]", "country": "[]",
    "cultural_sensitivity_label": "CA", "is_annotated": True,
}  # fmt: skip
GLOBAL_ROW = {**MMLU_ROW, "id": "anatomy/test/0", "parts": ["stem", "culturally-agnostic"]}
LETTERED = {"answer": ("A", "B", "C", "D")}
CSQA_CHOICES = {"label": ["A", "B"], "text": ["x", "y"]}
CSQA = {"id": "k", "question": "Where?", "question_concept": "where", "choices": CSQA_CHOICES, "answerKey": "B"}
CSQA_ROW = {"id": "k", "prompt": "Where?", "choices": ["x", "y"], "label": "1"}
TAGGED = {"tokens": [str(n) for n in range(17)], "pos_tags": list(range(17))}
TAGGED_ROW = {"id": "0", "tokens": TAGGED["tokens"], "tags": list(UPOS)}
NAMED = {"tokens": [str(n) for n in range(7)], "ner_tags": list(range(7)), "langs": ["tr"] * 7}
NAMED_ROW = {"id": "0", "tokens": NAMED["tokens"], "tags": list(NAMES)}
TATOEBA = {"source_sentence": "Es regnet.\n", "target_sentence": "It rains.\n"}
TATOEBA_ROW = {"id": "0", "query": "It rains.", "candidate": "Es regnet."}
QQP = {"question1": "Why?", "question2": "How?", "label": 1, "idx": 3}
QQP_ROW = {"id": "0", "text_a": "Why?", "text_b": "How?", "label": "1"}
QNLI = {"question": "Why?", "sentence": "How?", "label": 1, "idx": 3}
RTE = {"sentence1": "Why?", "sentence2": "How?", "label": 1, "idx": 3}
QNLI_ROW = {**QQP_ROW, "label": "not_entailment"}
SST = {"sentence": "Fine.", "label": 1, "idx": 3}
SST_ROW = {"id": "0", "text": "Fine.", "label": "positive"}
TWO_WAY = {"label": ("entailment", "not_entailment")}
SENTIMENT = {"label": ("negative", "positive")}
DUPLICATES = {"label": ("not_duplicate", "duplicate")}
VALIDATION = "validation"
ADVGLUE = "AI-Secure/adv_glue"
ADV_ROW = {**PAIR, "id": "3"}
TYDI_ROW = {**ASKED, "id": "arabic-1"}
NLI_TABLE = {"premise": "A man sleeps.", "hypothesis": "He rests.", "label": "2"}
SIB = {"index_id": "17", "category": "science/technology", "text": 'He said "no"'}
SIB_ROW = {"id": "17", "text": 'He said "no"', "label": "science/technology"}
BELEBELE = {
    "link": "l", "question_number": 1, "flores_passage": "P.", "question": "Q?", "dialect": "swh_Latn", "ds": "d",
    **{f"mc_answer{n}": f"a{n}" for n in range(1, 5)}, "correct_answer_num": "4",
}  # fmt: skip
BELEBELE_ROW = {"prompt": "P. Q?", "choices": ["a1", "a2", "a3", "a4"], "label": "3"}
STORY = {**{f"input_sentence_{n}": f"s{n}" for n in range(1, 5)}, "sentence_quiz1": "x", "sentence_quiz2": "y"}
STORY_ROW = {"prompt": "s1 s2 s3 s4", "choices": ["x", "y"], "label": "1"}
AFRICAN = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-DATE", "I-DATE")
WIKI = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
NINE = {"tokens": [str(n) for n in range(9)], "ner_tags": list(range(9))}

IMAGE = {"bytes": b"a PNG", "path": "a.png"}
CAPTIONED = {"image": IMAGE, "image_id": f"{15:016x}", "image_locale": "de", "captions": ["Ein Hund. ", "Ein Hund."]}
LAYOUTS = [
    one(
        "xm3600", "test", "de", "mteb/xm3600", f"data/de{SHARD}", CAPTIONED,
        {"id": f"{15:016x}-0", "image": IMAGE, "text": "Ein Hund."},
    ),
    one("xnli", "test", "sw", "facebook/xnli", f"sw/test{SHARD}", SNLI, PAIR, 5010, LABEL),
    one("mnli", "train", "en", "facebook/xnli", f"en/train{SHARD}", SNLI, PAIR, 392_702, LABEL),
    one("mnli", "train", "th", "facebook/xnli", f"th/train{SHARD}", SNLI, PAIR, 392_702, LABEL),
    one("mnli", "dev", "en", "nyu-mll/glue", f"mnli/validation_matched{SHARD}", {**SNLI, "idx": 1}, PAIR, 9815, LABEL),
    one("xnli-dev", "train", "en", "facebook/xnli", f"en/validation{SHARD}", SNLI, PAIR, None, LABEL),
    one("snli", "train", "en", "stanfordnlp/snli", f"plain_text/train{SHARD}", SNLI, PAIR, None, LABEL),
    one("snli", "dev", "en", "stanfordnlp/snli", f"plain_text/validation{SHARD}", SNLI, PAIR, None, LABEL),
    *(
        one(
            "anli", split, "en", "facebook/anli", " ".join(f"plain_text/{split}_r{n}{SHARD}" for n in (1, 2, 3)),
            {**SNLI, "uid": "u", "reason": "r"}, {**PAIR, "id": "0"}, rows, LABEL,
        )
        for split, rows in (("train", 16_946 + 45_460 + 100_459), ("dev", 1000 + 1000 + 1200))
    ),
    *(
        one(
            "qqp", split, "en", "nyu-mll/glue", f"qqp/{theirs}{SHARD}", QQP, QQP_ROW, rows,
            {"label": ("not_duplicate", "duplicate")},
        )
        for split, theirs, rows in (("train", "train", 363_846), ("dev", "validation", 40_430))
    ),
    *(
        one("paws", split, "en", "google-research-datasets/paws", f"labeled_final/{theirs}{SHARD}", PAWS, SAME, rows)
        for split, theirs, rows in (("train", "train", 49_401), ("dev", "validation", 8000))
    ),
    *(
        one("pawsx", split, language, "google-research-datasets/paws-x", f"{language}/{theirs}{SHARD}", PAWS, SAME, n)
        for split, theirs, language, n in (
            ("train", "train", "en", 49_401), ("dev", "validation", "en", 2000), ("test", "test", "ko", 2000),
        )
    ),
    *(
        one("squad", split, "en", "rajpurkar/squad", f"plain_text/{theirs}{SHARD}", SQUAD, ASKED, rows)
        for split, theirs, rows in (("train", "train", 87_599), ("dev", "validation", 10_570))
    ),
    *(
        one("squad2", split, "en", "rajpurkar/squad_v2", f"squad_v2/{theirs}{SHARD}", SQUAD, ASKED, rows)
        for split, theirs, rows in (("train", "train", 130_319), ("dev", "validation", 11_873))
    ),
    one("xquad", "test", "ro", "google/xquad", f"xquad.ro/validation{SHARD}", SQUAD, ASKED, 1190),
    *(
        one(
            "tydiqa", split, "ar", "google-research-datasets/tydiqa", f"secondary_task/{theirs}{SHARD}",
            {**SQUAD, "id": "arabic-1"}, TYDI_ROW, rows,
        )
        for split, theirs, rows in (("train", "train", 14_805), ("test", "validation", 921))
    ),
    one("mlqa", "test", "hi", XTREME, f"MLQA.hi.hi/test{SHARD}", SQUAD, ASKED, 4918),
    one("panx", "test", "sw", XTREME, f"PAN-X.sw/test{SHARD}", NAMED, NAMED_ROW, 1000, {"ner_tags": NAMES}),
    one("panx", "train", "en", XTREME, f"PAN-X.en/train{SHARD}", NAMED, NAMED_ROW, 20_000, {"ner_tags": NAMES}),
    one("panx", "test", "gu", "unimelb-nlp/wikiann", f"gu/test{SHARD}", NAMED, NAMED_ROW, 100, {"ner_tags": NAMES}),
    *(
        one("udpos", split, "af", XTREME, f"udpos.Afrikaans/{split}{SHARD}", TAGGED, TAGGED_ROW, n, {"pos_tags": UPOS})
        for split, n in (("train", 1315), ("test", 425))
    ),
    one("udpos", "test", "yo", XTREME, f"udpos.Yoruba/test{SHARD}", TAGGED, TAGGED_ROW, 100, {"pos_tags": UPOS}),
    one("tatoeba", "test", "de", XTREME, f"tatoeba.deu/validation{SHARD}", TATOEBA, TATOEBA_ROW, 1000),
    one("tatoeba", "test", "jv", XTREME, f"tatoeba.jav/validation{SHARD}", TATOEBA, TATOEBA_ROW, 205),
    one(
        "tatoeba", "test", "uk", "mteb/tatoeba-bitext-mining", "ukr-eng/test/0000.parquet",
        {"sentence1": "Es regnet.", "sentence2": "It rains."}, TATOEBA_ROW, branch=CONVERTED,
    ),
    one("xcopa", "test", "qu", "cambridgeltl/xcopa", f"qu/test{SHARD}", COPA, COPA_ROW | IN_QUECHUA, 500),
    one("copa", "train", "en", "aps/super_glue", f"copa/train{SHARD}", COPA, COPA_ROW | IN_ENGLISH, 400),
    one("copa", "dev", "en", "aps/super_glue", f"copa/validation{SHARD}", COPA, COPA_ROW | IN_ENGLISH, 100),
    *(
        one(
            "siqa", split, "en", "allenai/social_i_qa", f"default/{theirs}/0000.parquet", SIQA, SIQA_ROW, n,
            branch=CONVERTED,
        )
        for split, theirs, n in (("train", "train", 33_410), ("dev", "validation", 1954))
    ),
    *(
        one(
            "cosmosqa", split, "en", "allenai/cosmos_qa", f"default/{theirs}/0000.parquet", COSMOS, COSMOS_ROW, n,
            branch=CONVERTED,
        )
        for split, theirs, n in (("train", "train", 25_262), ("dev", "validation", 2985))
    ),
    *(
        one("hellaswag", split, "en", "Rowan/hellaswag", f"data/{theirs}{SHARD}", SWAG, SWAG_ROW, n)
        for split, theirs, n in (("train", "train", 39_905), ("dev", "validation", 10_042))
    ),
    *(
        one("commonsenseqa", split, "en", "tau/commonsense_qa", f"data/{theirs}{SHARD}", CSQA, CSQA_ROW, n)
        for split, theirs, n in (("train", "train", 9741), ("dev", "validation", 1221))
    ),
    *(
        one("sib200", split, language, "Davlan/sib200", f"data/{code}/{theirs}.tsv", SIB, SIB_ROW, n)
        for split, theirs, language, code, n in (
            ("train", "train", "en", "eng_Latn", 701), ("dev", "dev", "en", "eng_Latn", 99),
            ("test", "test", "zh", "zho_Hans", 204), ("test", "test", "sw", "swh_Latn", 204),
        )
    ),
    *(
        one("mmlu", split, "en", "cais/mmlu", f"all/{theirs}{SHARD}", MMLU, MMLU_ROW, n, LETTERED)
        for split, theirs, n in (
            ("train", "auxiliary_train", 99_842), ("dev", "validation", 1531), ("test", "test", 14_042),
            ("shots", "dev", 285),
        )
    ),
    *(
        one("mmmlu", "test", language, "openai/MMMLU", f"test/mmlu_{locale}.csv", MMMLU, MMLU_ROW, 14_042)
        for language, locale in (("zh", "ZH-CN"), ("es", "ES-LA"), ("sw", "SW-KE"))
    ),
    *(
        one(
            "global-mmlu", split, language, "CohereLabs/Global-MMLU", f"{language}/{theirs}{SHARD}", GLOBAL,
            GLOBAL_ROW, n,
        )
        for split, theirs, language, n in (("test", "test", "fil", 14_042), ("shots", "dev", "en", 285))
    ),
    one("xcopa", "shots", "qu", "cambridgeltl/xcopa", f"qu/validation{SHARD}", COPA, COPA_ROW | IN_QUECHUA, 100),
    one("belebele", "test", "sw", "facebook/belebele", "data/swh_Latn.jsonl", BELEBELE, BELEBELE_ROW, 900),
    one("americasnli", "test", "nah", "nala-cub/americas_nli", f"nah/test{SHARD}", SNLI, PAIR, 738, LABEL),
    one("afrixnli", "test", "yo", "masakhane/afrixnli", "data/yor/test.tsv", NLI_TABLE, PAIR, 600),
    one("indicxnli", "test", "ta", "Divyanshu/indicxnli", "ta/test/0000.parquet", SNLI, PAIR, 5010, branch=CONVERTED),
    *(
        one(
            "masakhaner2", split, language, "masakhane/masakhaner2", f"{code}/{theirs}/0000.parquet", NINE,
            {"tokens": NINE["tokens"], "tags": list(AFRICAN)}, n, {"ner_tags": AFRICAN}, CONVERTED,
        )
        for split, theirs, language, code, n in (
            ("train", "train", "yo", "yor", 6877), ("dev", "validation", "sw", "swa", 942),
            ("test", "test", "ny", "nya", 1785),
        )
    ),
    one(
        "universalner", "test", "ceb", "universalner/universal_ner", "ceb_gja/test/0000.parquet",
        {**NAMED, "idx": "d-1"}, {**NAMED_ROW, "id": "d-1"}, 188, {"ner_tags": NAMES}, CONVERTED,
    ),
    one(
        "wikineural", "test", "pl", "Babelscape/wikineural", f"data/test_pl{SHARD}", NINE,
        {"tokens": NINE["tokens"], "tags": list(WIKI)},
    ),
    one(
        "xstorycloze", "test", "eu", "juletxara/xstory_cloze", "eu/eval/0000.parquet",
        {**STORY, "answer_right_ending": 2}, STORY_ROW, 1511, branch=CONVERTED,
    ),
    one(
        "xwinograd", "test", "ja", "Muennighoff/xwinograd", "test/jp.jsonl",
        {"sentence": "A _ b.", "option1": "x", "option2": "y", "answer": "2"},
        {"prompt": "A _ b.", "choices": ["x", "y"], "label": "1"}, 959,
    ),
    # GLUE's dev sets stand in for its test sets; adversarial sets.
    *(
        one("qnli", split, "en", "nyu-mll/glue", f"qnli/{theirs}{SHARD}", QNLI, QNLI_ROW, rows, TWO_WAY)
        for split, theirs, rows in (("train", "train", 104_743), ("dev", VALIDATION, 5463), ("test", VALIDATION, 5463))
    ),
    one("rte", "dev", "en", "nyu-mll/glue", f"rte/validation{SHARD}", RTE, QNLI_ROW, 277, TWO_WAY),
    one("sst2", "train", "en", "nyu-mll/glue", f"sst2/train{SHARD}", SST, SST_ROW, 67_349, SENTIMENT),
    one("qqp", "test", "en", "nyu-mll/glue", f"qqp/validation{SHARD}", QQP, QQP_ROW, 40_430, DUPLICATES),
    one(
        "qqp-pawsx", "test", "de", "google-research-datasets/paws-x", f"de/test{SHARD}", PAWS, {**SAME, "id": "7"},
        2000, {"label": ("0", "1")},
    ),
    one("adv-mnli", "test", "en", ADVGLUE, f"adv_mnli/validation{SHARD}", {**SNLI, "idx": 3}, ADV_ROW, 121, LABEL),
    one(
        "adv-mnli-mm", "test", "en", ADVGLUE, f"adv_mnli_mismatched/validation{SHARD}", {**SNLI, "idx": 3}, ADV_ROW,
        162, LABEL,
    ),
    one("adv-qqp", "test", "en", ADVGLUE, f"adv_qqp/validation{SHARD}", QQP, {**QQP_ROW, "id": "3"}, 78, DUPLICATES),
    one("adv-qnli", "test", "en", ADVGLUE, f"adv_qnli/validation{SHARD}", QNLI, {**QNLI_ROW, "id": "3"}, 148, TWO_WAY),
    one("adv-rte", "test", "en", ADVGLUE, f"adv_rte/validation{SHARD}", RTE, {**QNLI_ROW, "id": "3"}, 81, TWO_WAY),
    one("adv-sst2", "test", "en", ADVGLUE, f"adv_sst2/validation{SHARD}", SST, {**SST_ROW, "id": "3"}, 148, SENTIMENT),
    *(
        one(
            f"anli-r{number}", "test", "en", "facebook/anli", f"plain_text/test_r{number}{SHARD}",
            {**SNLI, "uid": "u", "reason": ""}, {**PAIR, "id": "u"}, rows, LABEL,
        )
        for number, rows in ((1, 1000), (2, 1000), (3, 1200))
    ),
    one(
        "hans", "test", "en", "jhu-cogsci/hans", "plain_text/validation/0000.parquet",
        {**SNLI, "label": 1, "heuristic": "subsequence", "subcase": "s", "template": "t"},
        {**PAIR, "label": "non-entailment", "parts": ["subsequence", "subsequence, non-entailment"]}, 30_000,
        {"label": ("entailment", "non-entailment")}, CONVERTED,
    ),
    *(
        one(
            task, "test", "en", "stanfordnlp/squad_adversarial", f"{config}/validation/0000.parquet",
            {**SQUAD, "id": name}, {**ASKED, "id": name}, rows, branch=CONVERTED,
        )
        for task, config, name, rows in (
            ("squad-clean", "AddSent", "k", 1000), ("addsent", "AddSent", "k-high-conf-turk0", 3560),
            ("addonesent", "AddOneSent", "k-turk1", 1787),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda one: f"{one.task}-{one.split}-{one.language}")
def test_rows_are_found_where_they_lie_and_read_as_they_are_meant(hub, layout):
    features = dict(datasets.Dataset.from_list([layout.record]).features)
    for column, names in layout.classes.items():
        classes = datasets.ClassLabel(names=list(names))
        features[column] = datasets.List(classes) if isinstance(layout.record[column], list) else classes
    # Beside them what must not be taken for them: other splits and configurations of the same repository.
    for path in layout.paths:
        hub.put(layout.dataset, path, [layout.record], features)
        hub.files[layout.dataset][f"other/{path}"] = b"other"
    source, task = HubSource({layout.dataset: COMMIT}), get_task(layout.task)
    rows = source.rows(task, layout.split, layout.language).to_list()
    columns = get_task_type(task.type).columns.items()
    assert rows[0] == {name: one.nothing for name, one in columns if one.aside} | {"id": "0", **layout.row}
    assert len(rows) == len(layout.paths)
    assert source.branches(task, layout.split, layout.language) == {layout.dataset: layout.branch}
    if layout.rows is not None:
        assert task.expected_rows[layout.split][layout.language] == layout.rows


def test_every_table_of_a_task_has_its_layout_here():
    seen = {(layout.task, layout.dataset) for layout in LAYOUTS}
    tables = {(task.name, table.dataset) for task in all_tasks() for table in task.hub}
    others = {"lareqa": "rajpurkar/squad", "pawsx-dev": "google-research-datasets/paws-x"}  # as squad and pawsx
    assert tables - seen <= set(others.items())


def test_the_configurations_of_udpos_are_the_english_names_of_its_languages():
    (table,) = get_task("udpos").hub
    configs = [table.place("test", language)[0] for language in table.languages]
    assert sorted(configs) == [f"udpos.{name}" for name in UD_CONFIGS]


def test_rows_by_language_sum_to_those_of_the_whole_set():
    tydiqa, mlqa = get_task("tydiqa"), get_task("mlqa")
    held_out = sum(tydiqa.estimated_rows[split]["en"] for split in ("train", "dev"))
    assert sum(tydiqa.expected_rows["train"].values()) + held_out == 49_881
    assert sum(tydiqa.expected_rows["test"].values()) == 5077
    assert sum(mlqa.expected_rows["test"].values()) == 42_245
