"""The table and the chart of tools/bench/peers."""

import html
import math
import statistics

START, END = "<!-- bench/peers: start -->", "<!-- bench-peers: end -->"


def _pixels(size):
    width, height = map(int, size.split("x"))
    return width * height


def _mebibytes(count):
    return f"{count / (1 << 20):,.0f} MiB"


def _plan_row(rows):
    """The plan as it was measured beside the first peer of the largest size."""
    row = max(rows, key=lambda row: _pixels(row["size"]))
    beside = [bench for other in rows if other["size"] == row["size"] for bench in other["plan"]]
    return row["size"], beside


def _cells(row):
    times = [
        *(f"{row[key]:.{2 if row[key] >= 1 else 3}f}" for key in ("seconds", "plan_seconds")),
        f"{row['ratio']:.1f}",
    ]
    return [row["title"], row["size"], *times, _mebibytes(row["peak_rss_bytes"]), f"{row['difference']:.1e}"]


def other_networks(record):
    """Markdown: a row for each graph of another network, in ONNX Runtime and as a plan; empty where there is none."""
    rows = [row for row in record["rows"] if "other" in row]
    if not rows:
        return ""
    head = [
        "| graph of another network | picture | s | evssm beside it, s | ratio | peak memory | largest difference |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


def _network_rows(record):
    """The peers on EVSSM itself, those that finished."""
    return [row for row in record["rows"] if "seconds" in row and "other" not in row]


def table(record):
    """Markdown: a row for the plan, and one for each peer; empty where no peer ran EVSSM."""
    rows = _network_rows(record)
    if not rows:
        return ""
    size, beside = _plan_row(rows)
    seconds = statistics.median(bench["median_s"] for bench in beside)
    peak = max(bench["peak_rss_bytes"] for bench in beside)
    rate = statistics.median(bench["gmac_per_s"] for bench in beside)
    fma = max(bench["peak_gmac_per_s"] for bench in beside)
    lines = [
        "| what runs it | picture | s | evssm beside it, s | ratio | peak memory | largest difference |",
        "|---|---|---|---|---|---|---|",
        f"| evssm | {size} | {seconds:.2f} | | 1 | {_mebibytes(peak)} | |",
    ]
    for row in sorted(rows, key=lambda row: row["ratio"]):
        lines.append("| " + " | ".join(_cells(row)) + " |")
    for row in record["rows"]:
        if "timed_out" in row:
            lines.append(f"| {row['title']} | {row['size']} | not ready after {row['timed_out']:.0f} s | | | | |")
        elif row["kind"] == "fallback" and row["size"] != size:
            scaled = row["seconds"] * _pixels(size) / _pixels(row["size"])
            lines.append(f"| {row['title']}, scaled by pixels | {size} | {scaled:.0f} | | {scaled / seconds:.0f} | | |")
    lines += [
        "",
        f"{record['machine']}, {record['threads']} threads, {beside[0]['isa']}. evssm: {rate:.1f} GMAC/s, "
        f"{100 * rate / fma:.0f} % of the {fma:.1f} GMAC/s of fused multiply-adds measured in the same processes.",
    ]
    return "\n".join(lines)


def chart(record):
    """An SVG of the times at the largest size, on a logarithmic axis."""
    rows = _network_rows(record)
    size, beside = _plan_row(rows)
    bars = [("evssm", statistics.median(bench["median_s"] for bench in beside))]
    for row in rows:
        scale = _pixels(size) / _pixels(row["size"])
        if scale == 1 or row["kind"] == "fallback":
            bars.append((row["title"] + ("" if scale == 1 else ", scaled by pixels"), row["seconds"] * scale))
    bars.sort(key=lambda bar: bar[1])
    left, right, top, pitch = 400, 700, 40, 34
    low = 10 ** math.floor(math.log10(bars[0][1]))
    high = 10 ** math.ceil(math.log10(bars[-1][1]))
    height = top + pitch * len(bars) + 40

    def x(seconds):
        return left + (right - left) * math.log(seconds / low) / math.log(high / low)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="780" height="{height}" viewBox="0 0 780 {height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="22" font-weight="bold">Seconds for a picture of {size.replace("x", "×")}, '
        f"{record['threads']} threads (logarithmic)</text>",
    ]
    tick = low
    while tick <= high * 1.001:
        out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 6}" y2="{height - 30}" stroke="#ddd"/>')
        out.append(f'<text x="{x(tick):.1f}" y="{height - 12}" text-anchor="middle" fill="#555">{tick:g}</text>')
        tick *= 10
    for index, (title, seconds) in enumerate(bars):
        y = top + index * pitch
        colour = "#1f6feb" if title == "evssm" else "#b0b7c3"
        out.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{html.escape(title)}</text>')
        out.append(f'<rect x="{left}" y="{y + 2}" width="{x(seconds) - left:.1f}" height="20" fill="{colour}"/>')
        out.append(f'<text x="{x(seconds) + 6:.1f}" y="{y + 16}">{seconds:.2f}</text>')
    return "\n".join([*out, "</svg>", ""])


def write_report(record, root):
    """The table; with a root, also put into docs/performance.md between its markers, beside the chart."""
    text = "\n\n".join(part for part in (table(record), other_networks(record)) if part)
    if root is not None:
        if not _network_rows(record):
            raise SystemExit("bench/peers: --write needs a peer that ran EVSSM: its table and chart begin with them")
        page = root / "docs" / "performance.md"
        before, rest = page.read_text().split(START)
        after = rest.split(END)[1]
        page.write_text(f"{before}{START}\n{text}\n\n![Seconds of each](performance.svg)\n{END}{after}")
        (root / "docs" / "performance.svg").write_text(chart(record))
    return text
