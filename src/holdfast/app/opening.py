"""Opening a house on its state folder: locked meanwhile, and all that was opened is closed in the end. Used by `entry`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from holdfast.app.application_files import ApplicationFiles
from holdfast.app.house import House
from holdfast.app.state import StateFolder
from holdfast.host.clock import RealClock
from holdfast.host.config import Config
from holdfast.host.secrets import FileSecrets, installation_key
from holdfast.kit.secret import Redactor
from holdfast.store.journal import StoreJournal
from holdfast.store.sqlite import SqliteStore
from holdfast.walk.ledger import Ledger


@asynccontextmanager
async def opened(state: StateFolder, config: Config, files: ApplicationFiles | None) -> AsyncIterator[House]:
    """Lend a house on a state folder, which is locked meanwhile; without files it serves nobody of itself.

    Raises Busy (HF8020), StoreError, and what reading the files raises, before anything is made.
    """
    if files is not None:
        files.read()
    state.prepare()
    state.lock()
    try:
        async with AsyncExitStack() as stack:
            redactor = Redactor()
            secrets = FileSecrets(state.secrets, installation_key(state.key), redactor)
            clock = RealClock()
            store = await SqliteStore.open(state.store, clock=clock)
            stack.push_async_callback(store.close)
            journal = StoreJournal(store, clock, redactor)
            await journal.load()
            house = House(state=state, config=config, store=store, journal=journal, ledger=await Ledger.load(journal, store))
            await house.make(files, secrets)
            stack.push_async_callback(house.git.close)
            stack.push_async_callback(house.net.aclose)
            stack.push_async_callback(house.process.aclose)
            stack.push_async_callback(house.edge.aclose)
            stack.push_async_callback(house.docker.aclose)
            stack.push_async_callback(house.registry.aclose)
            yield house
    finally:
        state.unlock()
