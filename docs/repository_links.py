"""A hook for MkDocs: links that leave docs/ lead to the repository's files, in the site as on a forge.

    CONTRIBUTING.md, SECURITY.md, CHANGELOG.md, findings/README.md  ->  pages of the site
    [plot](../tests/bench/serving/serving.png)                       ->  a copy of the file in the site

A link to a file that is not there fails the build.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_PAGES = {name: f"{Path(name).stem.lower()}.md" for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")}
_PAGES["findings/README.md"] = "findings.md"
_ROOT = Path(__file__).parent.parent
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")
"""The path of a Markdown link that is no URL."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages whose text lies outside docs/."""
    for source, name in _PAGES.items():
        above = Path("..", source).parent.as_posix()
        text = _LINK.sub(rf"{above}/\1", (_ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that leave docs/ into links within the site.

    Raises:
        PluginError: there is no such file.
    """

    def within(link: re.Match[str]) -> str:
        target = (_ROOT / "docs" / link[0]).resolve()
        if not target.is_relative_to(_ROOT) or not target.is_file():
            raise PluginError(f"{page.file.src_uri} links to {link[0]}, which is no file of the repository")
        name = target.relative_to(_ROOT).as_posix()
        if name in _PAGES:
            return _PAGES[name]
        if name.startswith("docs/"):
            return name.removeprefix("docs/")
        place = f"repository/{name}"
        if files.get_file_from_path(place) is None:
            files.append(File.generated(config, place, content=target.read_bytes()))
        return place

    return _LINK.sub(within, markdown)
