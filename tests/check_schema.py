#!/usr/bin/env python3
"""The configurations that Tidegate takes are those that its JSON Schema allows, as an editor would see it.

Exit code 77: python3-jsonschema is missing, so nothing was checked.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed", file=sys.stderr)
    sys.exit(77)

# Valid by itself, key by key, but not as a whole: names that must exist, ports and paths that must differ.
BEYOND_A_SCHEMA = {"duplicate", "file", "listen_admin", "listen_admin_default", "overlap", "overlap_default", "own_types"}


def load(file):
    try:
        return json.loads(file.read_text())
    except (ValueError, RecursionError):  # bad.syntax.json, bad.deep.json and the like
        return None


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    schema = load(root / "config" / "tidegate.schema.json")
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    taken = [file for file in (root / "config").glob("*.json") if file.name != "tidegate.schema.json"]
    taken += (root / "config" / "recipes").glob("*.json")
    taken += [*(root / "tests" / "config").glob("good.*.json"), *(root / "tests" / "config").glob("warn.*.json")]
    faults = [f"{file.relative_to(root)}: {error.json_path}: {error.message[:200]}"
              for file in taken for error in validator.iter_errors(load(file))]
    for file in (root / "tests" / "config").glob("bad.*.json"):
        config = load(file)
        if config is not None and file.name.split(".")[1] not in BEYOND_A_SCHEMA and validator.is_valid(config):
            faults.append(f"{file.relative_to(root)}: the schema allows it")
    for fault in sorted(faults):
        print(fault, file=sys.stderr)
    print(f"{len(taken)} configurations checked")
    return 1 if faults or len(taken) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
