"""Nothing of the application's module is asked for anything, whatever stands there."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from core.tinyqueue import Consumer, Queue

if TYPE_CHECKING:
    from pathlib import Path

    from support.recorder import Recorder


class Touchy:
    """Stands for an object that there is not yet, as Flask's `current_app` does: it refuses whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"working outside of the application: {name}")


class TouchyClass(type):
    """The type of classes that refuse to be looked into."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(f"not made yet: {name}")


def lazy_module(folder: Path) -> ModuleType:
    """Return a module that is loaded when it is used first, and cannot be."""
    (folder / "expensive.py").write_text("raise ImportError('its library is not installed')")
    spec = importlib.util.spec_from_file_location("expensive", folder / "expensive.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOOPS = {
    "consumer": "for record in consumer: got.append(record.value); (len(got) == 3 and stop())",
    "batch": "for record in consumer.poll()['orders']: got.append(record.value)",
}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_loop_asks_nothing_of_its_modules_names(
    loop: str, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue()
    queue.fill("orders", 1, 2, 3)
    module = ModuleType("shop")
    monkeypatch.setitem(sys.modules, "shop", module)
    names = vars(module)
    names |= {"current_app": Touchy(), "Model": TouchyClass("Model", (), {}), "expensive": lazy_module(tmp_path)}
    names |= {"consumer": Consumer(queue, "orders"), "got": [], "stop": lambda: names["consumer"].close()}  # noqa: PLW0108  # it is made before
    exec(f"def main():\n    {loop}\nmain()", names)  # noqa: S102  # a module of an application
    assert names["got"] == [1, 2, 3]
    assert len(recorder.processes(3, "orders")) == 3
