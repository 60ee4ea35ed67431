"""The server of a review: one page and its data, for one person on this machine.

It listens on 127.0.0.1. Every address begins with a random token; without it, or with another host name in the request,
nothing is served, and a request that a page of another origin makes is refused. Images are asked for by number, so that
no request holds a path.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from sirstgen.errors import InvalidValueError, SirstgenError
from sirstgen.pages.page import environment
from sirstgen.pages.picture import picture_bytes, shown
from sirstgen.preview.enlarged import enlarged_target
from sirstgen.review.catalogue import Catalogue
from sirstgen.review.edits import Edits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
_THUMB = 96  # longer side, pixels
_ENLARGED = 336  # side of each half
_POLICY = (
    "default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'unsafe-inline'; "
    "script-src 'nonce-{nonce}'; frame-ancestors 'none'"
)


class TokenGuard:
    """Middleware that refuses requests whose path does not begin with the token, or that pages of other origins make.

    Args:
        app: what is guarded.
        token: the first part of every path.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 404 or 403."""
        given = scope.get("path", "").split("/", 2)[1:2]
        if scope["type"] == "http" and not secrets.compare_digest((given or [""])[0].encode(), self._token.encode()):
            await PlainTextResponse("not found", 404)(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "http" and headers.get("origin") not in (None, f"http://{headers.get('host')}"):
            await PlainTextResponse("requests of other pages are refused", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def make_app(catalogue: Catalogue, edits: Edits, token: str) -> Starlette:
    """Return the application of a review.

    Args:
        catalogue: what is shown.
        edits: what rejecting does.
        token: the first part of every path.
    """
    dataset = catalogue.dataset
    template = environment().from_string(
        (files("sirstgen.review") / "templates" / "review.html.j2").read_text(encoding="utf-8")
    )

    def index_of(request: Request) -> int:
        index = int(request.path_params["index"])
        if not 0 <= index < len(catalogue.entries):
            raise HTTPException(404, "no such image")
        return index

    @lru_cache(maxsize=512)
    def thumb(index: int, _version: int) -> bytes:
        gray = shown(dataset.image(catalogue.entries[index].id))
        scale = min(_THUMB / max(gray.shape), 1)
        size = max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1)
        return picture_bytes(np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8))

    def page(_: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        content = template.render(name=dataset.name, mode=edits.mode, count=len(catalogue.entries), nonce=nonce)
        headers = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
        return Response(content, media_type="text/html", headers=headers)

    def changes(request: Request) -> Response:
        try:
            since = int(request.query_params.get("since", "-1"))
        except ValueError:
            raise HTTPException(400, "since must be a whole number") from None
        number, images = catalogue.since(since)
        return JSONResponse({"change": number, "images": images, "complete": catalogue.complete})

    def details(request: Request) -> Response:
        index = index_of(request)
        height, width = dataset.image(catalogue.entries[index].id).shape
        return JSONResponse({"width": width, "height": height, "targets": catalogue.targets(index)})

    def thumb_picture(request: Request) -> Response:
        index = index_of(request)
        return _png(thumb(index, catalogue.entries[index].version))

    def image_picture(request: Request) -> Response:
        return _png(picture_bytes(shown(dataset.image(catalogue.entries[index_of(request)].id))))

    def target_picture(request: Request) -> Response:
        index = index_of(request)
        image, mask = dataset.sample(catalogue.entries[index].id)
        number = int(request.path_params["number"])
        try:
            name, row = catalogue.entries[index].id, {"targets": catalogue.targets(index)}
            return _png(picture_bytes(enlarged_target(image, mask, number, _ENLARGED, name, row)))
        except InvalidValueError as error:
            raise HTTPException(404, str(error)) from None

    def reject(request: Request) -> Response:
        edits.reject(index_of(request))
        return JSONResponse({})

    def undo(_: Request) -> Response:
        return JSONResponse({"index": edits.undo()})

    routes = [
        Route("/", _answered(page)),
        Route("/changes", _answered(changes)),
        Route("/images/{index:int}", _answered(details)),
        Route("/images/{index:int}/thumb.png", _answered(thumb_picture)),
        Route("/images/{index:int}/image.png", _answered(image_picture)),
        Route("/images/{index:int}/targets/{number:int}.png", _answered(target_picture)),
        Route("/images/{index:int}/reject", _answered(reject), methods=["POST"]),
        Route("/undo", _answered(undo), methods=["POST"]),
    ]
    guards = [
        Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False),
        Middleware(TokenGuard, token=token),
    ]
    return Starlette(routes=[Mount(f"/{token}", routes=routes)], middleware=guards)


def serve(catalogue: Catalogue, edits: Edits, port: int, ready: Callable[[str], None]) -> None:
    """Serve a review until it is interrupted, and measure what no line states in the meantime.

    Args:
        catalogue: what is shown.
        edits: what rejecting does; closed at the end.
        port: 0 for a free one.
        ready: called with the page's address when the server accepts requests.

    Raises:
        InvalidValueError: the port is in use or not allowed.
    """
    import uvicorn

    token = secrets.token_urlsafe(24)
    stop = threading.Event()
    measuring = threading.Thread(target=_measure, args=(catalogue, stop), name="measure")
    with socket.socket() as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            edits.close()
            raise InvalidValueError(f"--port must be a free port, got {port} ({error})", value=port) from None
        listener.listen()
        config = uvicorn.Config(
            make_app(catalogue, edits, token), access_log=False, log_level="error", lifespan="off", ws="none"
        )
        measuring.start()
        try:
            ready(f"http://{HOST}:{listener.getsockname()[1]}/{token}/")
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how a review ends
            pass
        finally:
            stop.set()
            measuring.join()
            edits.close()


def _measure(catalogue: Catalogue, stop: threading.Event) -> None:
    """Measure the targets of all images whose line does not state them."""
    for index, entry in enumerate(catalogue.entries):
        if stop.is_set():
            return
        if entry.targets is None:
            try:
                catalogue.measure(index)
            except SirstgenError as error:
                catalogue.update(index, targets=[], note=str(error))
    catalogue.complete = True


def _answered(endpoint: Callable[[Request], Response]) -> Callable[[Request], Any]:
    """Return the endpoint, run in a thread, with errors of this package as one line, and nothing cached."""

    async def answer(request: Request) -> Response:
        try:
            response: Response = await run_in_threadpool(endpoint, request)
        except SirstgenError as error:
            response = PlainTextResponse(str(error), 422)
        response.headers.update(
            {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
        )
        return response

    return answer


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")
