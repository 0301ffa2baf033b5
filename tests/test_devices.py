"""Where numbers are computed: one place decides it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ssimtool import devices
from ssimtool.devices import FUSED_FROM, FUSED_ONCE_FROM, FUSED_WINDOW
from ssimtool.errors import UnavailableError


@pytest.fixture
def cpu_only(monkeypatch):
    monkeypatch.setattr(devices, "is_cpu_only", lambda: True)


@pytest.mark.parametrize(
    ("device", "backend", "size", "once", "loads_torch"),
    [
        ("auto", "auto", 11, False, False),
        ("cpu", "auto", 11, False, False),
        ("cpu", "fused", 11, False, False),
        ("cpu", "torch", 11, False, True),
        ("cpu", "auto", 11, True, True),  # Numba takes longer to load than torch to compute
        ("cpu", "fused", 11, True, True),
        ("cpu", "auto", FUSED_WINDOW, False, False),
        ("cpu", "auto", FUSED_WINDOW + 2, False, True),
        ("cpu", "fused", FUSED_WINDOW + 2, False, False),
    ],
)
def test_torch_is_loaded_only_where_it_computes(cpu_only, device, backend, size, once, loads_torch):
    settled = devices.settle(device, backend, window_size=size, once=once, threads=3)
    assert (settled.device, settled.backend, settled.threads) == ("cpu", backend, 3)
    assert settled.loads_torch is loads_torch
    if loads_torch:
        assert settled.fused_from == (FUSED_ONCE_FROM if once else FUSED_FROM)


def test_auto_looks_the_device_up_where_there_may_be_one(monkeypatch):
    monkeypatch.setattr(devices, "is_cpu_only", lambda: False)
    assert devices.settle("auto", "auto", window_size=11).loads_torch
    assert not devices.settle("cpu", "auto", window_size=11).loads_torch


def test_a_machine_that_may_have_a_device(tmp_path, monkeypatch):
    alone = devices.is_cpu_only.__wrapped__
    monkeypatch.setattr(sys, "platform", "linux")
    assert alone(tmp_path)
    (tmp_path / "nvidiactl").touch()
    assert not alone(tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")  # MPS shows in no file
    assert not alone(Path("/nowhere"))


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(0, False, "cpu"), (2, False, "cuda"), (0, True, "mps")]
)
def test_auto_is_the_best_device(monkeypatch, cuda, mps, best):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert devices.choose_device("auto") == best
    assert devices.choose_device("auto", backend="fused") == "cpu"
    assert devices.choose_device("cpu") == "cpu"
    for index in range(cuda):
        assert devices.choose_device(f"cuda:{index}") == f"cuda:{index}"
    with pytest.raises(UnavailableError, match=f"the device cuda:{cuda} is not present") as error:
        devices.choose_device(f"cuda:{cuda}")
    assert error.value.option == "device"


@pytest.mark.parametrize(
    ("backend", "device", "numba", "message"),
    [
        ("cuda", "cpu", True, "expected auto, fused or torch"),
        ("fused", "cuda:0", True, "backend is 'fused' on cuda:0: expected the CPU"),
        ("fused", "cpu", False, "Numba cannot be imported"),
    ],
)
def test_a_backend_that_is_not_there(monkeypatch, backend, device, numba, message):
    monkeypatch.setattr(devices, "numba_loads", lambda: numba)
    devices.check_backend("auto", device)
    devices.check_backend("torch", device)
    with pytest.raises(UnavailableError, match=message) as error:
        devices.check_backend(backend, device)
    assert error.value.option == "backend"


@pytest.mark.parametrize(
    ("samples", "device", "size", "expected"),
    [
        (100, "cpu", 11, True),
        (99, "cpu", 11, False),
        (100, "cuda", 11, False),
        (100, "cpu", FUSED_WINDOW + 2, False),
    ],
)
def test_auto_takes_the_fused_kernels(samples, device, size, expected):
    assert devices.takes_fused(samples, device, window_size=size, fused_from=100) is expected
