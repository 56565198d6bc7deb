"""What bounds every call to Kafka bounds also a client that does not listen."""

import asyncio
from contextlib import suppress

import pytest

from carebell.log_kafka_client import bounded


@pytest.mark.timeout(120)
@pytest.mark.parametrize("swallowed", [0, 1, 2])
async def test_a_client_that_swallows_a_cancellation_is_given_up_all_the_same(swallowed: int) -> None:
    async def ask() -> None:
        for_ever = asyncio.Event()
        async with bounded("asking", 0.02):
            for _ in range(swallowed):
                with suppress(asyncio.CancelledError):
                    await for_ever.wait()
            await for_ever.wait()

    with pytest.raises(OSError, match=r"did not answer within 0\.02 s \(asking\)"):
        await ask()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "what comes after it is not cancelled"


@pytest.mark.timeout(120)
async def test_whoever_is_told_to_stop_meanwhile_stops() -> None:
    async def ask() -> None:
        async with bounded("asking", 30):
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
