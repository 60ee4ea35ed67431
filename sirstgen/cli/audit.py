"""sirstgen audit: any dataset examined for the field's known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def audit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The dataset, of any layout, damaged or not.")],
    against: Annotated[Path | None, typer.Option(help="Another set that must share no frame with this one.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write a page with examples: an HTML file.")] = None,
    repair: Annotated[
        Path | None, typer.Option(help="Also write a corrected copy of what has a safe repair: a folder.")
    ] = None,
    workers: common.Workers = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the page or the corrected copy that is there.")
    ] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Examine any dataset for known faults.

    Exit code 1 where it finds some.
    """
    from sirstgen.audit.audit import audit_dataset
    from sirstgen.audit.folder import look_into
    from sirstgen.audit.page import write_audit
    from sirstgen.audit.repair import refuse_repair, write_repair
    from sirstgen.audit.text import audit_text
    from sirstgen.pages.page import refuse_page

    if out is not None:
        refuse_page(out, overwrite)
    if repair is not None:
        refuse_repair(folder, repair, overwrite)
    images = len(look_into(folder).images)
    with common.progress("audit", quiet) as on_progress:
        processes = workers or common.default_workers(images, each=50)
        found = audit_dataset(folder, against=against, workers=processes, progress=on_progress)
    if out is not None:
        write_audit(found, out)
    text = audit_text(found) + (f"\npage in {out}" if out is not None else "")
    result = found.to_dict() | {"page": None if out is None else str(out)}
    if repair is not None:
        with common.progress("repair", quiet) as on_progress:
            copy = write_repair(found, repair, overwrite=overwrite, progress=on_progress)
        text += f"\n{copy.summary()}"
        result["repair"] = copy.to_dict() | {"folder": str(repair)}
    common.show(result, text, as_json, quiet and not found.faults)
    if found.faults:
        raise typer.Exit(1)
