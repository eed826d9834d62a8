"""A small Hugging Face Hub on loopback: one repository, whose files are in memory."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "c" * 40


class StubHub:
    """The state of the Hub.

    Attributes:
        repos: the files of every repository, by its name.
        requests: the method and the path of every request.
        private: whether the last repository was made private.
    """

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []
        self.private: bool | None = None

    def create(self, body: bytes) -> dict[str, Any]:
        values = json.loads(body)
        name = "/".join(filter(None, [values.get("organization") or "user", values["name"]]))
        self.repos.setdefault(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
        self.private = bool(values.get("private") or values.get("visibility") == "private")
        return {"url": f"http://127.0.0.1/{name}", "name": name}

    def preupload(self, repo: str, body: bytes) -> dict[str, Any]:
        files = json.loads(body)["files"]
        modes = [{"path": one["path"], "uploadMode": "regular"} for one in files]
        return {"files": [mode | {"shouldIgnore": False, "oid": None} for mode in modes]}

    def commit(self, repo: str, body: bytes) -> dict[str, Any]:
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                value = line["value"]
                self.repos[repo][value["path"]] = base64.b64decode(value["content"])
        return {"commitUrl": f"http://127.0.0.1/{repo}/commit/{COMMIT}", "commitOid": COMMIT}

    def info(self, repo: str) -> dict[str, Any]:
        names = [{"rfilename": name} for name in self.repos[repo]]
        return {"id": repo, "modelId": repo, "sha": COMMIT, "siblings": names, "tags": []}


POSTS = {"preupload": StubHub.preupload, "commit": StubHub.commit}


@contextmanager
def serving(hub: StubHub) -> Iterator[str]:
    """Serve a Hub on loopback, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None: ...

        def reply(self, data: bytes, status: int = 200, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def absent(self, code: str) -> None:
            self.reply(b'{"error": "absent"}', 404, X_Error_Code=code)

        def do_GET(self) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            if found := re.fullmatch(r"/api/models/([\w-]+/[\w-]+)(?:/revision/\w+)?", self.path):
                if found[1] in hub.repos:
                    return self.reply(json.dumps(hub.info(found[1])).encode())
                return self.absent("RepoNotFound")
            found = re.fullmatch(r"/([\w-]+/[\w-]+)/resolve/(\w+)/(.+)", self.path)
            if found and found[1] in hub.repos and found[3] in hub.repos[found[1]]:
                data = hub.repos[found[1]][found[3]]
                sign = f'"{hashlib.sha256(data).hexdigest()}"'
                return self.reply(data, X_Repo_Commit=COMMIT, ETag=sign)
            return self.absent("EntryNotFound")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if self.path == "/api/repos/create":
                return self.reply(json.dumps(hub.create(body)).encode())
            found = re.fullmatch(r"/api/models/([\w-]+/[\w-]+)/(\w+)/main", self.path)
            if found and found[2] in POSTS:
                return self.reply(json.dumps(POSTS[found[2]](hub, found[1], body)).encode())
            return self.reply(b'{"valid": true, "errors": [], "warnings": []}')

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
