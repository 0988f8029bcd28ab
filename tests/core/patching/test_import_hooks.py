"""A library is hooked when the application imports it, never before."""

from __future__ import annotations

import importlib
import itertools
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from otel_eda.core.patching.patch import ImportHook
from otel_eda.core.runtime.guard import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

_numbers = itertools.count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that nobody has imported; wrapt remembers hooks by name, so each test has its own."""
    name = f"unheard_of_{next(_numbers)}"
    tmp_path.joinpath(f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_called_at_once_if_the_module_is_loaded(module: str) -> None:
    seen: list[ModuleType] = []
    loaded = importlib.import_module(module)
    ImportHook(module, seen.append).arm()
    assert seen == [loaded]


def test_called_at_the_import_if_it_is_not(module: str) -> None:
    values: list[int] = []
    ImportHook(module, lambda loaded: values.append(loaded.value)).arm()
    assert module not in sys.modules
    assert values == []
    importlib.import_module(module)
    assert values == [1]


def test_armed_twice_it_is_called_once_at_the_import(module: str) -> None:
    seen: list[ModuleType] = []
    hook = ImportHook(module, seen.append)
    hook.arm()
    hook.arm()
    assert seen == [importlib.import_module(module)]


@pytest.mark.xfail(reason="wrapt calls at once what it is given while the module is being imported")
def test_armed_while_the_module_is_being_imported_it_waits_for_the_end(module: str, tmp_path: Path) -> None:
    ends: list[int] = []
    hook = ImportHook(module, lambda loaded: ends.append(loaded.end))
    sys.modules["arming"] = hook  # type: ignore[assignment]
    tmp_path.joinpath(f"{module}.py").write_text("import arming\narming.arm()\nend = 1\n")
    try:
        importlib.import_module(module)
    finally:
        del sys.modules["arming"]
    assert ends == [1]


def failing(loaded: ModuleType) -> None:
    raise ZeroDivisionError(loaded.__name__)


def imported_first(hook: ImportHook) -> ModuleType:
    loaded = importlib.import_module(hook.module)
    hook.arm()
    return loaded


def armed_first(hook: ImportHook) -> ModuleType:
    hook.arm()
    return importlib.import_module(hook.module)


@pytest.mark.parametrize("order", [imported_first, armed_first])
def test_a_failing_hook_breaks_no_import(
    module: str, order: Callable[[ImportHook], ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    assert order(ImportHook(module, failing)).value == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_failing_hook_is_counted(module: str) -> None:
    from otel_eda.core.runtime import guard

    imported_first(ImportHook(module, failing))
    assert guard.failures == {f"patching {module}": 1}
    assert failures is not guard.failures  # of this test alone


def test_a_module_that_has_no_spec_counts_as_loaded(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = importlib.import_module(module)
    monkeypatch.setattr(loaded, "__spec__", None)
    seen: list[ModuleType] = []
    ImportHook(module, seen.append).arm()
    assert seen == [loaded]


def test_an_import_that_is_forbidden_stays_so(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    seen: list[ModuleType] = []
    ImportHook(module, seen.append).arm()
    with pytest.raises(ImportError):
        importlib.import_module(module)
    assert seen == []
