"""Which rows a limit draws, and what is said of rows that were read."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from trainables.data.prepare import drawn, prepare_data
from trainables.recipe.execution import Execution
from trainables.recipe.recipes import DataRecipe
from trainables.recipe.tasks import SplitRef
from trainables.steps.run import carry_out
from trainables.tasks import FolderSource, get_task


@given(st.integers(1, 400), st.integers(1, 500), st.integers(1, 500))
def test_a_draw_is_a_part_of_a_larger_one(count, one, other):
    small, large = (drawn(count, limit) for limit in sorted((one, other)))
    assert len(small) == min(count, one, other)
    assert small == sorted(set(small))
    assert set(small) <= set(large) <= set(range(count))


def test_a_set_sorted_by_label_keeps_its_labels():
    labels = [number // 1000 for number in range(3000)]
    found = [labels[number] for number in drawn(3000, 300)]
    assert all(75 <= found.count(label) <= 125 for label in range(3))


def test_the_draw_is_the_same_everywhere():
    assert drawn(1000, 5) == [245, 286, 374, 671, 886]


def test_data_stops_within_a_split_and_leaves_nothing(world, host):
    rows = world.rows("gen-nli", "test", "one")
    recipe = DataRecipe(task=world.spec("gen-nli"), rows=rows, tokenizer=world.tokenizer(), max_length=64)
    assert carry_out(recipe, Execution(), world.store, host(stop_after=3)) is False
    assert not world.store.done(recipe.id)
    assert carry_out(recipe, Execution(), world.store, host()) is True


def test_what_is_to_be_known_of_rows_is_kept_with_their_counts(world, tmp_path):
    rows = tmp_path / "rows" / "lareqa"
    rows.mkdir(parents=True)
    pool = [{"id": f"p{i}", "query": "", "candidate": "fires veki"} for i in range(3)]
    test = [{"id": "q", "query": "runin", "matches": ["p0", one]} for one in ("p1", "p9")]
    for name, records in (("pool-mul", pool), ("test-de", test)):
        (rows / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    task, source, parts = get_task("lareqa"), FolderSource(tmp_path), (("test", "de"), ("pool", "mul"))
    recipe = DataRecipe(
        task=task.spec(),
        rows=tuple(SplitRef(split=a, language=b, revision=source.revision(task, a, b)) for a, b in parts),
        tokenizer=world.scratch(),
        max_length=32,
    )
    counts = prepare_data(recipe, world.store, Execution(data={"all": str(tmp_path)}), tmp_path / "made")
    assert counts["test-de"]["remarks"] == [
        "1 of 2 rows repeat the id of another: all go by their position",
        "1 of 4 right answers are not in the pool: never found",
    ]
    assert counts["pool-mul"]["remarks"] == []
