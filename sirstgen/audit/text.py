"""An audit as text: a line a check, with how often and where."""

from __future__ import annotations

import textwrap

from sirstgen.audit.audit import Audit
from sirstgen.audit.checks import CHECKS
from sirstgen.pages.table import WIDTH

SHOWN = 3
"""Findings shown under each check."""


def audit_text(found: Audit, shown: int = SHOWN) -> str:
    """Return the checks that found something, the first findings of each, and a closing line."""
    lines = []
    for name, findings in found.by_check().items():
        check = CHECKS[name]
        lines.append(f"{check.level} {name}: {len(findings)}. {check.title}. {check.advice}")
        lines += [f"    {finding.issue}" for finding in findings[:shown]]
        if len(findings) > shown:
            lines.append(f"    and {len(findings) - shown} more")
    return "\n".join([*(part for line in lines for part in _wrapped(line)), summary(found)])


def summary(found: Audit) -> str:
    """Return what was looked at and how it went, in one line."""
    warnings = len(found.findings) - found.faults
    counts = f"{_counted(found.faults, 'fault')}, {_counted(warnings, 'warning')}"
    return f"{found.contents.folder}: {found.images} images with {found.targets} targets: {counts}"


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _counted(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'s'[: count != 1]}"
