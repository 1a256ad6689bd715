"""Merging and comparing, as laws over generated objects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import fields_v1, read_fields
from holdfast.kubernetes.object_type import Schema, read_schema
from holdfast.kubernetes.structured_merge import compare, extract, field_set, merge, remove, same

SCHEMA = read_schema(
    {
        "types": [
            {
                "name": "t",
                "map": {
                    "fields": [
                        {"name": "plain", "type": {"scalar": "string"}},
                        {"name": "set", "type": {"list": {"elementType": {"scalar": "string"}, "elementRelationship": "associative"}}},
                        {
                            "name": "items",
                            "type": {
                                "list": {
                                    "elementType": {"namedType": "t"},
                                    "elementRelationship": "associative",
                                    "keys": ["plain"],
                                }
                            },
                        },
                        {"name": "inner", "type": {"namedType": "t"}},
                    ]
                },
            }
        ]
    }
)
TYPE = SCHEMA.types["t"].map
assert TYPE is not None
REF = TYPE.fields["inner"]
WORDS = st.sampled_from("abc")


def _key(each: Json) -> str:
    return str(each["plain"]) if isinstance(each, dict) else ""


def objects(depth: int = 2) -> st.SearchStrategy[dict[str, Json]]:
    inner = objects(depth - 1) if depth else st.just({})

    def known_as(each: dict[str, Json], key: str) -> dict[str, Json]:
        return {**each, "plain": key}

    keyed = st.builds(known_as, inner, WORDS)
    return st.fixed_dictionaries(
        {},
        optional={
            "plain": WORDS,
            "set": st.lists(WORDS, unique=True, min_size=1),
            "items": st.lists(keyed, min_size=1, unique_by=_key),
            "inner": inner,
            "free": st.dictionaries(WORDS, st.integers(0, 2), min_size=1),
        },
    )


@given(objects(), objects())
def test_what_compare_finds_is_what_differs(before: dict[str, Json], after: dict[str, Json]) -> None:
    assert compare(SCHEMA, REF, before, before).is_same
    there, back = compare(SCHEMA, REF, before, after), compare(SCHEMA, REF, after, before)
    assert (there.added, there.removed, there.modified) == (back.removed, back.added, back.modified)


@given(objects(), objects())
def test_a_merge_holds_all_that_was_applied(live: dict[str, Json], applied: dict[str, Json]) -> None:
    assert same(merge(SCHEMA, REF, live, live), live)
    merged = merge(SCHEMA, REF, live, applied)
    found = compare(SCHEMA, REF, merged, applied)
    assert not found.added
    assert not found.modified
    assert same(merge(SCHEMA, REF, merged, applied), merged)


@given(objects())
def test_all_paths_are_all_of_an_object(value: dict[str, Json]) -> None:
    paths = field_set(SCHEMA, REF, value)
    assert same(extract(SCHEMA, REF, value, paths), value)
    assert same(remove(SCHEMA, REF, value, frozenset()), value or None)
    assert read_fields(fields_v1(paths)) == paths


def test_without_a_schema_maps_are_granular_and_lists_are_whole() -> None:
    assert merge(Schema(), None, {"a": {"x": 1, "y": [1, 2]}}, {"a": {"y": [3]}}) == {"a": {"x": 1, "y": [3]}}
