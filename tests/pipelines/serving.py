"""A server on this machine that answers as web servers and the Hugging Face Hub do, on bad days too."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

PAGE = 3  # files on a page of a listing; the Hub has 1,000


@dataclass
class Scene:
    """What the server has and how it behaves; a test changes it as it goes."""

    files: dict[str, bytes] = field(default_factory=dict)  # "datasets/o/n@main/data/a.jsonl", or a path without "@"
    refusals: dict[str, list[int]] = field(default_factory=dict)  # statuses to answer with first, by path
    cuts: dict[str, list[int]] = field(default_factory=dict)  # after how many bytes bodies break off, one an answer
    has_ranges: bool = True
    token: str | None = None  # wanted at the Hub's own addresses; elsewhere it must not arrive
    next_page: str | None = None  # in the place of the server's own address of the next page
    asked: Counter[str] = field(default_factory=Counter)  # requests by path
    leaks: list[str] = field(default_factory=list)  # paths outside the Hub to which a token came


@contextmanager
def serve(scene: Scene) -> Iterator[str]:
    """Serve a scene; give the server's address."""
    handler = type("Handler", (_Handler,), {"scene": scene})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class _Reply:
    status: int
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


class _Handler(BaseHTTPRequestHandler):
    scene: Scene

    def do_GET(self) -> None:
        reply = self._reply()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.data)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # a client may go when it has read enough
            self.wfile.write(reply.data[: reply.cut])

    def _reply(self) -> _Reply:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.scene.asked[path] += 1
        if refusals := self.scene.refusals.get(path):
            return _Reply(refusals.pop(0))
        tree = re.fullmatch(r"/api/(?:models/)?((?:datasets/)?[^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?", parts.path)
        file = re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.*)", parts.path)
        token = self.headers.get("Authorization")
        if not tree and not file:
            self.scene.leaks += [path] if token else []
            return self._file(path)
        if self.scene.token and token != f"Bearer {self.scene.token}":
            return _Reply(401)
        if tree:
            return self._listing(f"{tree[1]}@{unquote(tree[2])}", unquote(tree[3] or ""), parts.query)
        assert file
        if f"{file[1]}@{unquote(file[2])}/{unquote(file[3])}" not in self.scene.files:
            return _Reply(404, headers={"X-Error-Code": "EntryNotFound"})
        # Another name of this host: to the client another server, as a content network is.
        host = f"localhost:{self.headers['Host'].partition(':')[2]}"
        return _Reply(302, headers={"Location": f"http://{host}/{file[1]}@{file[2]}/{file[3]}?signature=secret"})

    def _listing(self, root: str, folder: str, query: str) -> _Reply:
        inside = [name.removeprefix(root + "/") for name in sorted(self.scene.files) if name.startswith(root + "/")]
        below = [name for name in inside if not folder or name.startswith(folder + "/")]
        if not below:
            return _Reply(404, headers={"X-Error-Code": "EntryNotFound" if inside else "RepoNotFound"})
        is_recursive = "recursive=true" in query
        depth = folder.count("/") + 1 if folder else 0
        entries: list[dict[str, object]] = []
        for name in below:
            if is_recursive or name.count("/") == depth:
                data = self.scene.files[f"{root}/{name}"]
                entries.append({"type": "file", "path": name, "oid": sha256(data).hexdigest(), "size": len(data)})
        folders = {"/".join(name.split("/")[: depth + 1]) for name in below if name.count("/") > depth}
        entries += [{"type": "directory", "path": name, "oid": "0", "size": 0} for name in sorted(folders)]
        begin = int(match[1]) if (match := re.search(r"cursor=(\d+)", query)) else 0
        headers = {}
        if begin + PAGE < len(entries):
            own = f"http://{self.headers['Host']}{self.path.partition('?')[0]}"
            address = f"{own}?recursive={str(is_recursive).lower()}&cursor={begin + PAGE}"
            headers["Link"] = f'<{self.scene.next_page or address}>; rel="next"'
        return _Reply(200, json.dumps(entries[begin : begin + PAGE]).encode(), headers)

    def _file(self, path: str) -> _Reply:
        data = self.scene.files.get(path.removeprefix("/"))
        if data is None:
            return _Reply(404)
        cuts = self.scene.cuts.get(path)
        cut = cuts.pop(0) if cuts else None
        headers = {"ETag": f'"{sha256(data).hexdigest()}"'}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.scene.has_ranges:
            begin, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
            if begin >= len(data):
                return _Reply(416)
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
            return _Reply(206, data[begin:end], headers, cut)
        return _Reply(200, data, headers, cut)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Say nothing."""
