"""Validates findings by the schema of SARIF 2.1.0; then damages them, to see that the schema notices.

Arguments: files. Together they have findings of all rules that they declare.
"""

import copy
import json
import pathlib
import sys

from jsonschema import Draft7Validator

schema = json.loads((pathlib.Path(__file__).parent / "sarif-2.1.0.schema.json").read_text())
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)

DAMAGE = {
    "no version": lambda log: log.pop("version"),
    "another version": lambda log: log.update(version="2.2"),
    "no tool": lambda log: log["runs"][0].pop("tool"),
    "no name": lambda log: log["runs"][0]["tool"]["driver"].pop("name"),
    "a field too many": lambda log: log["runs"][0].update(verdicts=[]),
    "a level that there is not": lambda log: log["runs"][0]["results"][0].update(level="fatal"),
    "no message": lambda log: log["runs"][0]["results"][0].pop("message"),
    "a place before the file": lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(byteOffset=-2),
}

declared, found, results = set(), set(), 0
for path in map(pathlib.Path, sys.argv[1:]):
    log = json.loads(path.read_text())
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(log)]
    assert not errors, f"{path}: {errors}"
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    declared |= {rule["id"] for rule in rules}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result
        found.add(result["ruleId"])
        results += 1
    for what, damage in DAMAGE.items() if run["results"] else []:
        wrong = copy.deepcopy(log)
        damage(wrong)
        assert not validator.is_valid(wrong), f"{path} with {what} is valid"
assert declared == found, f"no finding of {declared - found}"
print(f"{results} findings of {len(found)} rules in {len(sys.argv) - 1} files are as SARIF 2.1.0 says")
