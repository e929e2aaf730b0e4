"""Pages of the documentation's site that are not files in docs/: READMEs beside the code, and dbt's own documentation.

A hook of MkDocs (mkdocs.yml); `make docs` runs it.
"""

import re
from os.path import normpath, relpath
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parent.parent
READMES = {
    "macros/incremental/README.md": "incremental.md",
    "serving/README.md": "serving.md",
    "local_aws/README.md": "local-aws.md",
    "benchmarks/README.md": "benchmarks.md",
}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#:\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the READMEs as pages, and dbt's documentation as a page of its own."""
    for source, page in READMES.items():
        files.append(File.generated(config, page, content=page_of(source)))
    lineage = (PROJECT / "target" / "dbt-docs" / "static_index.html").read_text()
    files.append(File.generated(config, "dbt/index.html", content=lineage.replace(str(PROJECT), ".")))
    return files


def page_of(source: str) -> str:
    """Read a README, its links made relative to docs/; a link to what the site does not hold becomes its text."""

    def link(match: re.Match[str]) -> str:
        target = normpath(Path(source).parent / match[2])
        if target.startswith("docs/") and (PROJECT / target).is_file():
            page = relpath(target, "docs")
        elif target in READMES:
            page = READMES[target]
        else:
            return match[1]
        return f"[{match[1]}]({page}{match[3] or ''})"

    return _LINK.sub(link, (PROJECT / source).read_text())
