"""The benchmark of training on a GPU, as far as a CPU can run it: a step, its figures and bars, kernels by kind."""

from pathlib import Path

import pytest

from benchmarks.common.kernels import IDLE, OTHER, KernelTime, kernel_table, kind_of, seconds_by_kind
from benchmarks.train_gpu import CASES, BenchmarkRun, Case, main, meets, random_mix
from trainer.ranks import process_group


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvjet_tst_128x256_64x4_2x1_v_bz_coopA_TNN", "matrix products"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64", "matrix products"),
        ("cudnn_generated_fort_native_sdpa_sm90_flash_bprop_wgmma_f16_knob_7", "attention"),
        ("triton_red_fused__to_copy_add_mean_mul_0", "compiled"),
        ("void at::native::multi_tensor_apply_kernel<FusedAdamMathFunctor>", "optimizer and clipping"),
        ("Memcpy HtoD (Pinned -> Device)", "copies"),
        ("ncclDevKernel_ReduceScatter_Sum_f32_RING_LL", "other ranks"),
        ("void at::native::reduce_kernel<512, 1>", OTHER),
    ],
)
def test_a_kernel_has_the_kind_of_its_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_the_times_of_all_kinds_and_of_none_are_the_whole() -> None:
    kernels = [
        KernelTime(name="nvjet_a", count=4, seconds=0.1),
        KernelTime(name="nvjet_b", count=2, seconds=0.2),
        KernelTime(name="triton_c", count=2, seconds=0.5),
    ]
    sums = seconds_by_kind(kernels, 1.0)
    assert list(sums) == ["compiled", "matrix products", IDLE]
    assert sum(sums.values()) == pytest.approx(1.0)
    lines = kernel_table(kernels, 1.0, 2, top=2).splitlines()
    assert lines[1].split() == ["250.00", "ms", "50.0%", "compiled"]
    assert [line.split()[-1] for line in lines[-2:]] == ["triton_c", "nvjet_b"]


def test_a_bar_wants_speed_use_and_no_waiting_and_is_an_h200s() -> None:
    case = CASES[0]
    speed, mfu = case.least_speed, case.least_mfu
    assert meets(case, "NVIDIA H200", speed, mfu, 0.0) is True
    assert meets(case, "NVIDIA H200", speed - 1, mfu, 0.0) is False
    assert meets(case, "NVIDIA H200", speed, mfu - 0.01, 0.0) is False
    assert meets(case, "NVIDIA H200", speed, mfu, 0.02) is False
    assert meets(case, "NVIDIA H100 80GB HBM3", speed, mfu, 0.0) is None


def test_a_step_of_random_tokens_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.train_gpu.SEQUENCE_LENGTH", 64)
    monkeypatch.setattr("benchmarks.train_gpu.MIX_TOKENS", 4096)
    case = Case(preset="tiny", micro_batch=1, num_micro_batches=2, least_speed=1, least_mfu=0.0)
    with process_group("cpu") as ranks:
        figures = BenchmarkRun(case, random_mix(tmp_path), ranks, 2, compiled=False).measured(1)
    assert figures["steps"] == 1
    assert figures["tokens_per_step"] == 128
    assert figures["tokens_per_second"] == pytest.approx(128_000 / figures["median_step_ms"], rel=0.02)
    assert figures["mfu"] is None
    assert figures["met"] is None


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([]) == 2
    assert "no CUDA device" in capsys.readouterr().err
