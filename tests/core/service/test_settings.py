"""Settings from the environment, and the room for decoded images."""

from __future__ import annotations

import asyncio
import socket

import pytest

from core.errors import InputError
from core.service.model import _Room
from core.service.server import take_port
from core.service.settings import Settings


def test_what_is_given_goes_before_the_environment() -> None:
    environment = {"FACETTE_LIMIT_MB": " 3 ", "FACETTE_MAX_FILES": "5", "FACETTE_TIMEOUT": ""}
    settings = Settings.from_environment(environment, max_files=7, max_batch=None)
    assert (settings.limit_mb, settings.max_files) == (3.0, 7)
    assert settings.timeout == Settings().timeout and settings.max_batch == Settings().max_batch


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMIT_MB", "0"), ("LIMIT_MB", "nan"), ("LIMIT_MB", "ten"), ("LIMIT_MEGAPIXELS", "101"),
        ("MAX_FILES", "1.5"), ("MAX_REQUESTS", "0"), ("TIMEOUT", "-1"), ("MAX_WAIT_MS", "inf"),
    ],
)  # fmt: skip
def test_bounds(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"(?i){name}: got .*, allowed is a .*number from"):
        Settings.from_environment({f"FACETTE_{name}": value})


@pytest.mark.parametrize("key", ["two words", "clé", "a\x00b"])
def test_a_key_that_no_header_can_carry(key: str) -> None:
    with pytest.raises(InputError, match="API_KEY"):
        Settings.from_environment({"FACETTE_API_KEY": key})


def test_the_key_is_not_printed() -> None:
    assert "s3cret" not in repr(Settings(api_key="s3cret"))


def test_a_port_in_use_and_a_host_that_is_none() -> None:
    with take_port("127.0.0.1", 0) as taken:
        with pytest.raises(InputError, match="^port: got .* in use"):
            take_port("127.0.0.1", taken.getsockname()[1])
    for port in (-1, 65_536):
        with pytest.raises(InputError, match="^port: .* from 0 to 65535"):
            take_port("127.0.0.1", port)
    for host in ("no such host.invalid", ""):
        with pytest.raises(InputError, match="^host"):
            take_port(host, 0)
    assert isinstance(taken, socket.socket)


def test_room_is_given_in_turn_and_comes_back() -> None:
    async def scene() -> list[str]:
        room, said = _Room(10), []

        async def use(name: str, pixels: int, seconds: float) -> None:
            async with room.held(pixels):
                said.append(name)
                await asyncio.sleep(seconds)

        first = asyncio.create_task(use("first", 6, 0.1))
        await asyncio.sleep(0)
        large = asyncio.create_task(use("large", 99, 0.01))  # more than all: waits for all
        gone = asyncio.create_task(use("gone", 9, 0.01))
        small = asyncio.create_task(use("small", 1, 0.01))  # would fit, but is not next
        await asyncio.sleep(0.02)
        assert said == ["first"]
        gone.cancel()
        await asyncio.gather(first, large, small)
        assert gone.cancelled() or gone.done()
        assert room._left == 10 and not room._waiting
        return said

    assert asyncio.run(scene()) == ["first", "large", "small"]


def test_room_comes_back_from_those_that_fail_inside() -> None:
    async def scene() -> int:
        room = _Room(10)
        tasks = [asyncio.create_task(hold(room)) for _ in range(4)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(ValueError, match="inside"):
            async with room.held(3):
                raise ValueError("inside")
        return room._left

    async def hold(room: _Room) -> None:
        async with room.held(7):
            await asyncio.sleep(5)

    assert asyncio.run(scene()) == 10
