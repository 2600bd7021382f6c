"""Writes manifest.json: what each module is, how it was built, its digest and which features it uses.

Called by build.sh with the folder that holds the command lines it ran, one file per program.
`about` and `group` come from the head of the source; functions and features are read from the module by wasm-objdump.
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

GROUPS = {"kernel", "control", "crypto", "codec", "parser", "math", "data", "wasm"}

# Feature name -> pattern on one disassembled instruction.
OPERATORS = {
    "loops": r"loop\b",
    "i64": r"i64\.|i32\.wrap_i64",
    "call_indirect": r"call_indirect",
    "br_table": r"br_table",
    "bulk-memory": r"memory\.(copy|fill)",
    "memory.grow": r"memory\.grow",
    "memory.size": r"memory\.size",
    "sign-extension": r"i(32|64)\.extend(8|16|32)_s",
    "select": r"select",
    "division": r"i(32|64)\.(div|rem)_[su]",
    "rotates": r"i(32|64)\.rot[lr]",
    "bit-counts": r"i(32|64)\.(clz|ctz|popcnt)",
    "unreachable": r"unreachable",
    "tee": r"local\.tee",
}


def objdump(flag, wasm):
    return subprocess.run(["wasm-objdump", flag, wasm], check=True, capture_output=True, text=True).stdout


def head(source, key):
    text = source.read_text()
    match = re.search(rf"^(?://|;;) {key}: (.+)$", text, re.M)
    if not match:
        sys.exit(f"{source}: no line '{key}:'")
    return match.group(1).strip()


def features(wasm):
    code = [line.split("|", 1)[1].strip() for line in objdump("-d", wasm).splitlines() if "|" in line]
    found = {name for name, pattern in OPERATORS.items() if any(re.match(pattern, line) for line in code)}
    details = objdump("-x", wasm)
    if re.search(r"^ - func\[\d+\].* <- ", details, re.M):
        found.add("function-imports")
    if re.search(r"^ - global\[\d+\].* <- ", details, re.M):
        found.add("global-imports")
    if re.search(r"^ - global\[\d+\] \w+ mutable=1", details, re.M):
        found.add("mutable-globals")
    if re.search(r"^ - type\[\d+\] .* -> \(\w+, ", details, re.M) or any("type[" in line for line in code if line.startswith(("block", "loop", "if"))):
        found.add("multi-value")
    if re.search(r"^Start:", details, re.M):
        found.add("start")
    if re.search(r"^ - segment\[\d+\](?: <[^>]*>)? memory", details, re.M):
        found.add("data")
    return sorted(found)


def functions(wasm):
    match = re.search(r"^Function\[(\d+)\]", objdump("-x", wasm), re.M)
    return int(match.group(1)) if match else 0


def entry(log):
    source = next(path for path in pathlib.Path("programs").glob(log.name + ".*") if path.suffix in (".c", ".wat"))
    wasm = pathlib.Path("wasm") / (log.name + ".wasm")
    group = head(source, "group")
    if group not in GROUPS:
        sys.exit(f"{source}: group '{group}' is not one of {sorted(GROUPS)}")
    return {
        "name": log.name,
        "source": str(source),
        "wasm": str(wasm),
        "licence": "Apache-2.0",
        "origin": "written for synth",
        "build": " && ".join(log.read_text().splitlines()),
        "sha256": hashlib.sha256(wasm.read_bytes()).hexdigest(),
        "functions": functions(wasm),
        "features": features(wasm),
        "about": head(source, "about"),
        "group": group,
    }


programs = [entry(log) for log in sorted(pathlib.Path(sys.argv[1]).iterdir(), key=lambda log: log.name)]
pathlib.Path("manifest.json").write_text(json.dumps({"programs": programs}, indent=1) + "\n")
print(f"{len(programs)} programs, {sum(program['functions'] for program in programs)} functions")
