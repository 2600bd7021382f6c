"""Validates the JSON files of packages by their schema; then damages some, to see that the schema notices."""

import copy
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

OTHERS = {"certificate/certificate.json", "passes.json", "evidence.schema.json"}
root = pathlib.Path(__file__).resolve().parents[2]
schema = json.loads((root / "docs/schema/evidence.schema.json").read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)


def damaged(value):
    """The value with a field too few, with one too many, and with one of another type."""
    for key in value:
        less = copy.deepcopy(value)
        del less[key]
        yield f"without {key}", less
        other = copy.deepcopy(value)
        other[key] = {"no": "such thing"}
        yield f"another {key}", other
    yield "one more", {**value, "more": 1}


kinds, refused = set(), 0
for folder in map(pathlib.Path, sys.argv[1:]):
    for path in sorted(folder.rglob("*.json")):
        if str(path.relative_to(folder)) in OTHERS:
            continue
        value = json.loads(path.read_text())
        errors = [e.message for e in validator.iter_errors(value)]
        assert not errors, f"{path}: {errors}"
        if value["kind"] in kinds:
            continue
        kinds.add(value["kind"])
        for what, wrong in damaged(value):
            assert not validator.is_valid(wrong), f"{path} {what} is valid"
            refused += 1
    assert (folder / "evidence.schema.json").read_text() == (root / "docs/schema/evidence.schema.json").read_text()
wanted = {"module", "trace", "assumptions", "manifest", "build", "function", "obligations", "run"}
assert kinds == wanted, kinds ^ wanted
print(f"{len(kinds)} kinds of files valid, {refused} damaged ones refused")
