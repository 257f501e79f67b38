"""The report of `jaxdl bench --device` as Markdown, and what the cards give at most."""

from typing import Any

# Dense TFLOP/s by the vendor's datasheets: bfloat16, TF32.
PEAKS = {"H100": (989.4, 494.7), "H200": (989.4, 494.7), "A100": (312.0, 156.0)}


def peak_of(device: str, precision: str) -> float | None:
    """FLOP/s that the vendor names for this card, None for one that is not in the list."""
    for name, (reduced, full) in PEAKS.items():
        if name in device:
            return 1e12 * (reduced if precision == "bfloat16" else full)
    return None


def table_row(row: dict[str, Any], device: str = "") -> str:
    """One line: titles, milliseconds of each side, the ratio, rates, what failed."""
    ms, best = row["ms"], row.get("best")
    precision = row["options"].get("precision", "float32")
    cells = [row["title"], precision, f"{ms['jaxdl']:.3f}" if "jaxdl" in ms else "failed"]
    cells.append(f"{ms[best]:.3f} {best}" if best else "-")
    cells.append(f"{row['ratio']:.2f}" if "ratio" in row else "-")
    cells.append(", ".join(rates(row, device)) or "-")
    errors = "; ".join(f"{form}: {error}" for form, error in row["errors"].items())
    return (
        "| " + " | ".join(cells) + " |" + (f" {' '.join(errors.split())[:300]}" if errors else "")
    )


def rates(row: dict[str, Any], device: str) -> list[str]:
    """Images, TFLOP, GB a second, and the share of the card's peak, of jaxdl's side."""
    if "jaxdl" not in row["ms"]:
        return []
    facts, seconds = row["facts"], row["ms"]["jaxdl"] / 1e3
    peak = peak_of(device, row["options"].get("precision", "float32"))
    said = []
    if "images" in facts:
        said.append(f"{facts['images'] / seconds:,.0f} images/s")
    if "flops" in facts:
        said.append(f"{facts['flops'] / seconds / 1e12:,.1f} TFLOP/s")
        said += [f"{facts['flops'] / seconds / peak:.0%} of peak"] if peak else []
    if "bytes" in facts:
        said.append(f"{facts['bytes'] / seconds / 1e9:,.0f} GB/s")
    return said


def markdown(report: dict[str, Any]) -> str:
    """The whole report."""
    ours = report["device"].get("jaxdl_side", {})
    device = str(ours.get("device", "unknown device"))
    theirs = report["device"].get("torch_side", {}).get("torch", "-")
    lines = [
        f"{device}; jax {ours.get('jax', '-')}, torch {theirs}. float32: products in TF32 on both",
        "sides; bfloat16: float32 parameters, computed in bfloat16 (torch: autocast).",
    ]
    if peak := peak_of(device, "bfloat16"):
        tf32 = peak_of(device, "float32") or 0
        lines.append(
            f"Peak, by the datasheet: {peak / 1e12:.0f} TFLOP/s in bfloat16, {tf32 / 1e12:.0f} in "
            "TF32, dense; a training step counts three times its forward pass."
        )
    lines += ["", "| work (batch) | numbers | jaxdl ms | torch ms | ratio | rate |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [table_row(row, device) for row in report["rows"].values()]
    if report["quality"]:
        lines += ["", "| run | result |", "|---|---|"]
        lines += [f"| {name} | {result} |" for name, result in report["quality"].items()]
    if report["left_out"]:
        lines += ["", f"Left out, for time: {', '.join(report['left_out'])}."]
    return "\n".join(lines) + "\n"
