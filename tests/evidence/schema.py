"""Validates the JSON files of packages by their schema; then damages some, to see that the schema notices.

Arguments: the schema, then folders of packages, which together have a file of every kind.
"""

import copy
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

# Files of other forms.
OTHERS = {"certificate/certificate.json", "passes.json", "sbom.cdx.json", "evidence.schema.json", "release.schema.json"}
schema_path, *folders = map(pathlib.Path, sys.argv[1:])
schema = json.loads(schema_path.read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)


def damaged(value):
    """The value with a field too few, with one too many, and with one of another type."""
    for key in value:
        less = copy.deepcopy(value)
        del less[key]
        yield f"without {key}", less
        other = copy.deepcopy(value)
        other[key] = {"no": {"such": "thing"}}
        yield f"another {key}", other
    yield "one more", {**value, "more": {"than": "there is"}}


def damaged_inside(value):
    """The same of what a field `content` holds: of an object, or of the first one in a list. Objects whose keys are data are only changed."""
    content = value.get("content")
    wrap = lambda content: {**value, "content": content}
    if isinstance(content, list):
        for what, inner in damaged(content[0]):
            yield what, wrap([inner, *content[1:]])
    elif value["kind"] == "environment":
        yield "another value", wrap({**content, "date": 1})
    elif isinstance(content, dict):
        for what, inner in damaged(content):
            yield what, wrap(inner)


def wanted():
    """All kinds of which the schema speaks."""
    for kind in schema["oneOf"]:
        form = schema["$defs"][kind["$ref"].rsplit("/", 1)[1]]
        yield form["properties"]["kind"]["const"]


kinds, refused = set(), 0
for folder in folders:
    for path in sorted(folder.rglob("*.json")):
        if str(path.relative_to(folder)) in OTHERS:
            continue
        value = json.loads(path.read_text())
        errors = [e.message for e in validator.iter_errors(value)]
        assert not errors, f"{path}: {errors}"
        if value["kind"] in kinds:
            continue
        kinds.add(value["kind"])
        for what, wrong in [*damaged(value), *damaged_inside(value)]:
            assert not validator.is_valid(wrong), f"{path} {what} is valid"
            refused += 1
    assert (folder / schema_path.name).read_text() == schema_path.read_text(), "the package carries another schema"
assert kinds == set(wanted()), kinds ^ set(wanted())
print(f"{len(kinds)} kinds of files valid, {refused} damaged ones refused")
