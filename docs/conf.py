"""The site: Markdown pages in the order of `index.md`, with the reference made from the code."""

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

project = "medusa"
release = metadata.version("medusa-ser")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"medusa {release}"
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
myst_heading_anchors = 3
autodoc_typehints = "none"
highlight_language = "none"


def without_files(app: Any, docname: str, content: list[str]) -> None:
    """Replace links to files of the repository by their names: the site has only its pages."""
    folder = (ROOT / "docs" / docname).parent

    def kept(link: re.Match[str]) -> str:
        target = (folder / link[2].partition("#")[0]).resolve()
        return link[0] if target.is_relative_to(ROOT / "docs") else link[1]

    content[0] = re.sub(r"\[([^\]\n]+)\]\(((?:\.\./)+[^)\n]*)\)", kept, content[0])
    if docname == "index" and (pages := unlisted(content[0])):
        lines = ["```{toctree}", ":caption: More", ":maxdepth: 1", "", *pages, "```"]
        content[0] += "\n" + "\n".join(lines) + "\n"


def unlisted(index: str) -> list[str]:
    """Return the pages that the index does not name; they come last in the menu."""
    docs = ROOT / "docs"
    paths = sorted(path.relative_to(docs).with_suffix("") for path in docs.rglob("*.md"))
    pages = [path.as_posix() for path in paths if path.parts[0] not in ("reference", "_build")]
    return [page for page in pages if page != "index" and f"\n{page}\n" not in index]


def write_reference(app: Any) -> None:
    """Make the pages of the reference from the code."""
    sys.path.insert(0, str(ROOT / "docs"))
    from generate import write_pages

    write_pages()


# Furo's pages lack these attributes, which readers without a mouse or a screen need (axe-core).
ATTRIBUTES = {
    'role="heading">': 'role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
}


def add_attributes(app: Any, problem: Exception | None) -> None:
    """Add the attributes to every page that was built."""
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for old, new in ATTRIBUTES.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


def setup(app: Any) -> None:
    """Connect the functions above."""
    app.connect("builder-inited", write_reference)
    app.connect("source-read", without_files)
    app.connect("build-finished", add_attributes)
