#!/usr/bin/env bash
# Writes the evidence about the tool to target/evidence/tool: builds the program, runs the tests unless target/tests.json is a record of
# this commit, and makes the report. Exit code: that of `synth report release`.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -z "$(git status --porcelain)" ] || {
  echo "evidence-tool: the tree has changes that are not committed; evidence is about one commit" >&2
  exit 2
}
record=target/tests.json
if ! grep -q "\"commit\": \"$(git rev-parse HEAD)\"" "$record" 2>/dev/null; then
  scripts/setup-test.sh
  scripts/fetch-modules.sh
  # What failed stands in the record, and in the report.
  scripts/record-tests.sh -o "$record" || [ $? -eq 1 ]
fi
cargo build --release --workspace
exec target/release/synth report release --tests "$record" -o target/evidence/tool
