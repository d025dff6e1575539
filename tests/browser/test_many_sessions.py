"""Twenty sessions at once: websockets that speak Streamlit's own protocol, as browsers do."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

SESSIONS = 20
PAGES = ("", "compare", "data", "descriptors", "")


@pytest.fixture(scope="module")
def app(serve):
    return serve("app.py")


async def visited(stream, page, query):
    """Run one page, as a click in the sidebar would; its text, exceptions and components."""
    order = BackMsg()
    order.rerun_script.page_name = page
    order.rerun_script.query_string = query
    await stream.send(order.SerializeToString())
    words, wrong, n_charts = [], [], 0
    async for raw in stream:
        message = ForwardMsg.FromString(raw)
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            match element.WhichOneof("type"):
                case "exception":
                    wrong.append(element.exception.message)
                case "markdown":
                    words.append(element.markdown.body)
                case "plotly_chart":
                    n_charts += 1
        if kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                words.clear()  # a worker was done meanwhile, and the page asked to be run again
                n_charts = 0
                continue
            if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                wrong.append(f"finished with {message.script_finished}")
            return "\n".join(words), wrong, n_charts
    raise AssertionError("the server closed the session")


async def session(address, number, start):
    """One person: every page after the other, each with a cluster of their own in the link."""
    async with connect(
        address.replace("http", "ws") + "/_stcore/stream",
        subprotocols=["streamlit"], max_size=None, open_timeout=60,
    ) as stream:  # fmt: skip
        await start.wait()
        seen = []
        for page in PAGES:
            words, wrong, n_charts = await visited(stream, page, f"cluster={number % 10}")
            assert wrong == []
            seen.append((page, words, n_charts))
        return seen


async def all_at_once(address):
    start = asyncio.Barrier(SESSIONS)
    async with asyncio.timeout(240):
        return await asyncio.gather(*(session(address, i, start) for i in range(SESSIONS)))


def test_twenty_sessions_at_once_without_an_error(app):
    with ThreadPoolExecutor(1) as other:  # this thread may run the browser's own event loop
        everybody = other.submit(asyncio.run, all_at_once(app)).result()
    assert len(everybody) == SESSIONS
    for number, seen in enumerate(everybody):
        for page, words, n_charts in seen:
            assert "1,797 handwritten digits" in words
            if page == "":
                assert f"Cluster {number % 10} " in words  # their own, nobody else's
            assert n_charts or page == "descriptors"
    assert "Traceback" not in app.log
    assert "Error" not in app.log
