"""The page for people, and the policy that lets it run its own script and nothing else."""

import base64
import hashlib
import re
from importlib.resources import files


def page_and_policy() -> tuple[str, str]:
    """Return the page, and the value of its header `content-security-policy`."""
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"connect-src 'self'; media-src blob:; img-src data:; "
        f"script-src {_digest('script', page)}; style-src {_digest('style', page)}"
    )
    return page, policy


def _digest(tag: str, page: str) -> str:
    """Return the digest of the element's text, as the policy has it."""
    found = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    assert found, f"page.html has no <{tag}>"
    digest = hashlib.sha256(found[1].encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
