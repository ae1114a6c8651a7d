import pytest

from trainables.task_types import get_task_type
from trainables.tasks import DataError, GeneratedSource, get_task


@pytest.mark.parametrize(
    ("task", "split", "language"),
    [
        ("gen-text", "train", "two"),
        ("gen-nli", "train", "one"),
        ("gen-tags", "test", "zero"),
        ("gen-qa", "dev", "one"),
        ("gen-pairs", "test", "three"),
    ],
)
def test_generated_rows_have_the_columns_of_the_family(task, split, language):
    source, task = GeneratedSource(seed=3, size=0.02), get_task(task)
    assert source.check(task, split, language) is None
    rows = source.rows(task, split, language)
    assert tuple(rows.column_names) == tuple(get_task_type(task.type).columns)
    assert len(set(rows["id"])) == len(rows)
    assert all(task.is_labelled(row) for row in rows)
    if "label" in rows.column_names:
        assert set(rows["label"]) <= set(task.labels)
    if "tags" in rows.column_names:
        assert {tag for tags in rows["tags"] for tag in tags} <= set(task.labels)


def test_generated_revision_names_version_seed_and_size():
    assert GeneratedSource(seed=3, size=0.5).revision(get_task("gen-nli"), "dev", "one").endswith("-seed3-size0.5")


def test_generated_source_says_what_it_has_not():
    source = GeneratedSource()
    assert "not a generated one" in source.check(get_task("xnli"), "test", "en")
    assert 'no train in "two"; there is in: one' in source.check(get_task("gen-nli"), "train", "two")
    with pytest.raises(DataError):
        source.rows(get_task("gen-pairs"), "train", "two")
