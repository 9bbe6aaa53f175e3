"""Verifies a qdeck dossier without qdeck: python -I FILE.verify.py FILE. Nothing in the dossier is run.

Exit 0: whole. Exit 1: a line for each sign of a change, the first bad event first.
"""
# mypy: ignore-errors
import base64
import hashlib
import json
import sys

HASHED = "workflow_id seq event_type triggered_by event_data timestamp command_id ordinal prev_hash answer"
place = ["the file"]

def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

def sha(value):
    return hashlib.sha256(value if isinstance(value, bytes) else canonical(value)).hexdigest()

def signs(dossier):
    about, previous, name = dossier["workflow"], "0" * 64, dossier["workflow"]["workflow_id"]
    receipts = {item["receipt_id"]: item for item in dossier["receipts"]}
    said = {item["message_id"]: item["text"] for item in dossier["messages"]}
    for number, event in enumerate(dossier["events"], 1):
        place[0] = f"event {number}"
        if [event[k] for k in ("seq", "workflow_id", "prev_hash")] != [number, name, previous]:
            yield f"event {number} is missing, was moved, or does not continue the one before it"
        if sha({key: event[key] for key in HASHED.split()}) != event["hash"]:
            yield f"event {number} was changed"
        for receipt, wanted in (event["answer"] or {}).get("binds", {}).get("receipts", {}).items():
            if sha(receipts.get(receipt, "")) != wanted:
                yield f"receipt {receipt}, which event {number} rests on, is gone or was changed"
        words = said.get(event["event_data"].get("message_id"))
        if words is not None and sha(words.encode()) != event["event_data"]["text_digest"]:
            yield f"the words said in event {number} were changed"
        previous = event["hash"]
    if (about["events"], about["head"]) != (len(dossier["events"]), previous):
        yield f"the log ends after event {len(dossier['events'])} with another hash or number than it should"
    outputs = {item["digest"]: item for item in dossier["artifacts"]}
    for digest in sorted({*outputs, *(item["artifact"] for item in receipts.values() if item["artifact"])}):
        place[0], item = f"artifact {digest}", outputs.get(digest, {"text": ""})
        if sha(base64.b64decode(item["base64"]) if "base64" in item else item["text"].encode()) != digest:
            of = " and ".join(key for key, item in receipts.items() if item["artifact"] == digest)
            yield f"the output of receipt {of or '(none)'} is not what its digest {digest} says"
    for section in sorted({*dossier, *dossier["seals"]} - {"seals", "digest"}):
        place[0], value, seals = section, dossier[section], dossier["seals"][section]
        found = [sha(entry) for entry in (value if isinstance(value, list) else [value])]
        for n in (n for n in range(max(len(found), len(seals))) if found[n : n + 1] != seals[n : n + 1]):
            yield f"{section} {n + 1} is not what its seal says"

bad, raw = [], open(sys.argv[1], "rb").read()
try:
    bad.extend(signs(dossier := json.loads(raw)))
    sealed = {key: value for key, value in dossier.items() if key != "digest"}
    if dossier["digest"] != sha(sealed) or canonical(dossier) + b"\n" != raw:
        bad.append("the file as a whole is not what was written")
except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
    bad.append(f"{place[0]} cannot be read: {type(error).__name__}: {error}")
told = "\n".join(bad) or f"whole: {len(dossier['events'])} events, sha256 {sha(raw)}"
sys.exit(print(told.encode("ascii", "backslashreplace").decode()) or (1 if bad else 0))
