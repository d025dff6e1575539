"""The prediction service over HTTP: a trained model behind `POST /predict/`.

The only file that imports FastAPI. Annotations are evaluated at once here, not kept as text:
FastAPI reads them, and looks names up in the module, where what a function imported is not.
"""

import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import core
from core.errors import printable
from core.service.answers import (
    BatchResult,
    Classes,
    FileResult,
    Health,
    Prediction,
    Welcome,
    Wrong,
)
from core.service.guard import Guard, Refusal
from core.service.model import Classifier, ModelService
from core.service.page import docs_page
from core.service.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.datastructures import FormData

_LOG = logging.getLogger("core.service")
_ABOUT = "Says to which class an image belongs. Nothing that is sent is kept."
_STATUSES = {
    401: "the API key is missing or wrong",
    408: "the request did not arrive in time",
    413: "too many bytes or pixels",
    415: "no JPEG or PNG image",
    422: "no file field, several, an empty or a damaged image",
    503: "the model is loading, or the service is busy: ask again after Retry-After seconds",
    504: "the prediction took too long",
}
_HTTP = {
    400: ("The request cannot be understood.", "Compare it with the examples at /docs."),
    404: ("There is nothing at this address.", "See /docs for what there is."),
    405: ("This address does not take that method.", "See /docs for the one it takes."),
}


def create_app(load: Callable[[], Classifier], settings: Settings | None = None) -> "FastAPI":
    """The service as an ASGI application; the model loads in the background once it starts.

    Parameters
    ----------
    load : gives the model; called once, in a thread of its own
    settings : the bounds; `Settings.from_environment()` where not given
    """
    from fastapi import FastAPI

    settings = settings or Settings.from_environment()
    service: list[ModelService] = []  # made on start, so that an application can start again

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service[:] = [ModelService(load, settings)]
        service[0].start()
        yield
        service[0].stop()

    app = FastAPI(
        title="Facette",
        version=core.__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect may lose the body
    )
    app.add_middleware(Guard, settings=settings)
    _add_errors(app)
    _add_pages(app, lambda: service[0])
    _add_predictions(app, lambda: service[0], settings)
    return app


def _add_errors(app: "FastAPI") -> None:
    """Every error is JSON that says what is wrong and what to do."""
    from fastapi import Request
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    def refusal(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        return JSONResponse(error.body(), error.status, error.headers)

    def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        what, do = _HTTP.get(error.status_code, _HTTP[400])
        return JSONResponse({"error": what, "do": do}, error.status_code, error.headers)

    app.add_exception_handler(Refusal, refusal)
    app.add_exception_handler(HTTPException, http)


def _add_pages(app: "FastAPI", service: Callable[[], ModelService]) -> None:
    from fastapi.responses import HTMLResponse, JSONResponse

    @app.get("/", summary="Welcome, name and version")
    async def welcome() -> Welcome:
        text = "Welcome. Send an image to /predict/ and learn its class."
        name = service().name
        return Welcome(text, "Facette", core.__version__, name, "/docs", "/predict/")

    @app.get("/health", summary="Whether the model is ready", responses={503: {"model": Health}})
    async def health() -> Health:
        state = Health(service().state, service().name)
        status = 200 if state.state == "ready" else 503
        return JSONResponse(asdict(state), status)  # type: ignore[return-value]

    @app.get("/classes", summary="The names of the classes", responses=_refusals(401, 503))
    async def classes() -> Classes:
        return Classes(service().model().classes)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(*_page(app))


def _page(app: "FastAPI") -> tuple[str, int, dict[str, str]]:
    html, headers = docs_page(app.openapi())
    return html, 200, headers


def _add_predictions(
    app: "FastAPI", service: Callable[[], ModelService], settings: Settings
) -> None:
    from fastapi import Request
    from fastapi.responses import JSONResponse

    async def predict(request: Request) -> Prediction:
        """Send one JPEG or PNG in the multipart field `file`."""
        service().model()
        async with _form(request, 1) as form:
            data = await _content(_files(form, "file", 1)[0], settings)
        answer = await service().predict(data)
        shown = {**asdict(answer), "image_base64": base64.b64encode(data).decode()}
        return JSONResponse(shown)  # type: ignore[return-value]

    async def predict_batch(request: Request) -> BatchResult:
        """Send several in the multipart field `files`; each has a result or an error."""
        service().model()
        async with _form(request, settings.max_files) as form:
            uploads = _files(form, "files", settings.max_files)
            results = await _all(uploads, service(), settings)
        return JSONResponse({"results": results})  # type: ignore[return-value]

    one = {"summary": "The class of an image", **_described("file", settings)}
    several = {"summary": "The classes of several images", **_described("files", settings)}
    app.post("/predict/", **one)(predict)
    app.post("/predict", include_in_schema=False)(predict)
    app.post("/predict/batch", **several)(predict_batch)
    app.post("/predict/batch/", include_in_schema=False)(predict_batch)


def _described(field: str, settings: Settings) -> dict[str, Any]:
    """What the OpenAPI document says of a prediction; the guard has checked the key before."""
    from fastapi import Security
    from fastapi.security import APIKeyHeader

    key = APIKeyHeader(name="X-API-Key", auto_error=False)
    file: dict[str, Any] = {"type": "string", "format": "binary"}
    kind = file if field == "file" else {"type": "array", "items": file}
    schema = {"type": "object", "required": [field], "properties": {field: kind}}
    content = {"multipart/form-data": {"schema": schema}}  # read as it streams in
    return {
        "responses": _refusals(*_STATUSES),
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
        "dependencies": [Security(key)] if settings.api_key else [],
    }


async def _all(
    uploads: list[Any], service: ModelService, settings: Settings
) -> list[dict[str, Any]]:
    """The result of every file; they are predicted together."""
    import asyncio

    async def one(upload: Any) -> dict[str, Any]:
        name = printable(upload.filename or "")
        try:
            data = await _content(upload, settings)
            answer = await service.predict_one_of_many(data)
        except Refusal as refusal:
            wrong = Wrong(refusal.error, refusal.do)
            return asdict(FileResult(name, refusal.status, error=wrong))
        except Exception as error:  # one image that the model cannot take must not hide the rest
            _LOG.error("a file of a batch failed", exc_info=error)
            wrong = Wrong("The prediction failed.", "Try another image.")
            return asdict(FileResult(name, 500, error=wrong))
        return asdict(FileResult(name, 200, result=answer))

    return list(await asyncio.gather(*(one(upload) for upload in uploads)))


@contextlib.asynccontextmanager
async def _form(request: "Request", n_files: int) -> "AsyncIterator[FormData]":
    """The fields of a multipart body; files over 1 MB are on disk while the block runs."""
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    try:
        form = await request.form(max_files=n_files, max_fields=16, max_part_size=65_536)
    except HTTPException as error:
        what = f"The form cannot be read: {printable(error.detail).rstrip('.')}."
        raise _malformed(what) from None
    except ClientDisconnect:
        raise _malformed("The request ended too early.") from None
    try:
        yield form
    finally:
        await form.close()


def _files(form: "FormData", field: str, at_most: int) -> list[Any]:
    """The uploads of a field: at least one, and nothing that is only text."""
    found = [one for one in form.getlist(field) if not isinstance(one, str)]
    if not found:
        raise _malformed(f"The form has no file in the field {field}.")
    if len(found) > at_most:
        raise _malformed(f"The form has {len(found)} files; {at_most} are allowed.")
    return found


def _malformed(what: str) -> Refusal:
    do = "Send multipart/form-data: one image in the field file to /predict/, several in files to "
    return Refusal(422, what, do + "/predict/batch.")


async def _content(upload: Any, settings: Settings) -> bytes:
    if (upload.size or 0) > settings.file_bytes:
        what = f"The file has more than the {settings.limit_mb:g} MB allowed."
        raise Refusal(413, what, "Send a smaller image.")
    return bytes(await upload.read())


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Wrong, "description": _STATUSES[status]} for status in statuses}
