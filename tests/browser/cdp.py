"""A small driver of Chromium over its DevTools socket: open, press, ask, look.

Source: tv_browsers.md section 11 (flags and key events).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

KEYS = {"up": 38, "down": 40, "left": 37, "right": 39, "ok": 13, "back": 461}
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--window-size=1920,1080",
    "--hide-scrollbars",
    "--mute-audio",
    "about:blank",
)
_START_WITHIN_S = 30.0
_ANSWER_WITHIN_S = 20.0


def find_chromium() -> str | None:
    """The installed browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._task = asyncio.get_running_loop().create_task(self._read())
        self.events: list[dict[str, Any]] = []

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            waiting = self._waiting.pop(said.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
            elif "method" in said:
                self.events.append(said)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            said = await future
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        return said["result"]

    async def close(self) -> None:
        await self._socket.close()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    async def agent(self, text: str) -> None:
        await self.call("Emulation.setUserAgentOverride", userAgent=text)

    async def scripts(self, *, on: bool) -> None:
        await self.call("Emulation.setScriptExecutionDisabled", value=not on)

    async def open(self, address: str, ready: str = "window.VC && VC.ready") -> None:
        """Go to an address and wait until ``ready`` holds there."""
        await self.call("Page.navigate", url=address)
        await self.until(f"location.href.split('#')[0] === {json.dumps(address)}.split('#')[0]")
        if ready:
            await self.until(f"document.readyState === 'complete' && !!({ready})")

    async def eval(self, code: str) -> Any:
        said = await self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise RuntimeError(f"{code[:80]}: {said['exceptionDetails']}")
        return said["result"].get("value")

    async def until(self, code: str, within_s: float = 15.0) -> Any:
        """Wait until an expression is true; its value."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with suppress(RuntimeError):
                        if value := await self.eval(code):
                            return value
                    await asyncio.sleep(0.03)
        except TimeoutError:
            seen = await self.eval("location.href + ' ' + document.body.innerText.slice(0, 300)")
            raise AssertionError(f"never true: {code} at {seen}") from None

    async def press(self, key: str | int) -> None:
        """One key down and up; OK also types, so that the browser clicks the focused link."""
        code = KEYS[key] if isinstance(key, str) else key
        named = {"windowsVirtualKeyCode": code} | ({"key": "Enter"} if code == 13 else {})
        await self.call("Input.dispatchKeyEvent", type="rawKeyDown", **named)
        if code == 13:
            await self.call("Input.dispatchKeyEvent", type="char", text="\r", **named)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    async def presses(self, *keys: str) -> None:
        """Keys one after another, each drawn before the next."""
        for key in keys:
            await self.press(key)
            await self.frame()

    async def frame(self) -> None:
        with suppress(RuntimeError):
            await self.eval(
                "new Promise(f => requestAnimationFrame(() => requestAnimationFrame(() => f(1))))"
            )

    async def shot(self, path: Path) -> None:
        said = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(said["data"]))

    async def focused(self) -> str:
        """What the focused element says."""
        return await self.eval(
            "(document.activeElement.innerText || document.activeElement.getAttribute('aria-label')"
            " || document.activeElement.id || '').trim()"
        )


class Browser:
    """A running Chromium."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:  # noqa: TID251 - the other side
        self._session = session
        self._port = port

    async def tab(self) -> Tab:
        """A fresh tab in a fresh profile of its own (no shared cookies)."""
        async with self._session.get(f"http://127.0.0.1:{self._port}/json/version") as reply:
            root = (await reply.json())["webSocketDebuggerUrl"]
        control = Tab(await self._session.ws_connect(root, max_msg_size=0))
        context = (await control.call("Target.createBrowserContext"))["browserContextId"]
        target = (
            await control.call("Target.createTarget", url="about:blank", browserContextId=context)
        )["targetId"]
        await control.close()
        address = f"ws://127.0.0.1:{self._port}/devtools/page/{target}"
        tab = Tab(await self._session.ws_connect(address, max_msg_size=0))
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.size(1920, 1080)
        return tab


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Chromium with a profile of its own; it and its children end with the block."""
    program = find_chromium()
    if program is None:
        raise RuntimeError("no chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        child = await asyncio.create_subprocess_exec(
            program,
            f"--user-data-dir={profile}",
            *_FLAGS,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            note = Path(profile) / "DevToolsActivePort"
            async with asyncio.timeout(_START_WITHIN_S):
                while not note.exists() or "\n" not in note.read_text():
                    await asyncio.sleep(0.05)
            port = int(note.read_text().split("\n")[0])
            async with aiohttp.ClientSession() as session:  # noqa: TID251 - the other side
                yield Browser(session, port)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await child.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                await child.wait()
