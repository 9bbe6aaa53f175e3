"""Evidence: what the engine found out by itself, and what it is worth.

Collectors run commands contained, on clean exports of exact trees, once; gates turn what came of it into
evidence that is bound to the digests it rests on. Knows the sandbox, the workspace and the machine; not the
journal, and no model.
"""

from core.evidence.bench import Bench, ProjectSettings, Toolchain
from core.evidence.clauses import Clause, Failure, answered, bind, key_of
from core.evidence.code_gate import collect_code, environment_commit
from core.evidence.commands import find_test_command, is_test_path
from core.evidence.execution import receipt_of
from core.evidence.findings import Finding
from core.evidence.hearing import Promise
from core.evidence.protocols import Record, Steps
from core.evidence.receipts import Counts, JsonValue, Receipt, digest_of
from core.evidence.review_gate import CHECKLIST, References, review_evidence, review_references
from core.evidence.scans import Scans, collect_scans
from core.evidence.smoke import collect_smoke, run_configured
from core.evidence.tests_gate import collect_tests
from core.evidence.toolchain import own_toolchain, prepare_toolchain

__all__ = [
    "CHECKLIST",
    "Bench",
    "Clause",
    "Counts",
    "Failure",
    "Finding",
    "JsonValue",
    "ProjectSettings",
    "Promise",
    "Receipt",
    "Record",
    "References",
    "Scans",
    "Steps",
    "Toolchain",
    "answered",
    "bind",
    "collect_code",
    "collect_scans",
    "collect_smoke",
    "collect_tests",
    "digest_of",
    "environment_commit",
    "find_test_command",
    "is_test_path",
    "key_of",
    "own_toolchain",
    "prepare_toolchain",
    "receipt_of",
    "review_evidence",
    "review_references",
    "run_configured",
]
