"""Whether the kernels are as fast as they were: see tools/checks/speed.

Two yardsticks, which other work on the machine disturbs not at all, and hardly:

* instructions, counted by callgrind, of every kernel that kernel-bench runs, on the instruction sets that
  it knows (no AVX-512);
* cycles as a multiple of the time that the same process takes for multiply-adds in registers, best of many short
rounds.
  They hold for one model of processor, so figures are kept a model; on another one they are skipped, and the
  instructions still checked.

Figures may leave their reference on both sides: what became slower is a fault, what became faster makes the reference
blind and asks for new figures (--write).

--prove shows that the count notices a slower kernel: it builds kernel-bench twice by itself, once from sources in which
some kernels' inner loops were given an operation more, and wants to see a complaint about each of these and none about
others.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REFERENCE = Path(__file__).with_name("kernel-speed.json")
COUNTED = ["baseline", "avx2"]
MOST_INSTRUCTIONS, LEAST_INSTRUCTIONS = 1.02, 0.95
MOST_CYCLES, LEAST_CYCLES = 1.30, 0.60
# Kernels whose cycles depend on how their buffers happen to lie modulo 4 KiB; their instructions are counted.
UNSTEADY = {"rms_norm", "halve", "blend", "double_row"}
ATTEMPTS = 4


def processor():
    """The model of this machine's processor, such as "AuthenticAMD 25 17"; the machine's name where there is none."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    return " ".join(fields.get(key, "?") for key in ("vendor_id", "cpu family", "model"))


def measure(bench):
    """(instruction set, kernel and size) -> cycles."""
    lines = subprocess.run([bench, "--json"], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {f"{row['isa']} {row['kernel']} {row['size']}": row["cost"] for row in rows if row["kernel"] not in UNSTEADY}


def kernel_names(root):
    text = (root / "Sources/Runtime/CKernels/include/kernels.def").read_text()
    return set(re.findall(r"^EVSSM_KERNEL\((\w+),", text, re.M))


def inclusive(path):
    """Function -> instructions of all its calls, what they call included, from a file that callgrind wrote.

    A function's own lines and the lines behind its `calls=` add up to that, as long as it does not call itself. Names
    are written once, with a number that stands for them from then on.
    """
    names, totals, own, function, is_call, summary = {}, {}, 0, None, False, None
    for line in path.read_text().splitlines():
        match = re.match(r"fn=\((\d+)\)(?: (.*))?$", line)
        if match:
            if match[2]:
                names[match[1]] = match[2]
            function = names[match[1]]
            continue
        match = re.match(r"cfn=\((\d+)\) (.*)$", line)
        if match:
            names[match[1]] = match[2]
        elif line.startswith("calls="):
            is_call = True
        elif line.startswith(("summary:", "totals:")):
            summary = int(line.split()[1])
        elif function and re.match(r"[+\-*\d]", line):
            cost = int(line.split()[-1])
            totals[function] = totals.get(function, 0) + cost
            own += 0 if is_call else cost
            is_call = False
    if summary is None or own != summary:
        sys.exit(f"callgrind's file was not understood: its lines add up to {own}, its summary says {summary}.")
    return totals


def count(bench, isa, names):
    """Kernel -> instructions of all its calls, what it calls included."""
    with tempfile.TemporaryDirectory() as folder:
        out, program = Path(folder, "callgrind"), Path(folder, "kernel-bench")
        # Names of functions are enough, and what else a compiler of today writes for debuggers, callgrind may not read.
        subprocess.run(["strip", "--strip-debug", "-o", program, bench], check=True)
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, "--once", isa]
        subprocess.run(command, check=True, capture_output=True)
        totals = inclusive(out)
    counts = {f"{isa} {name}": totals[name] for name in names if name in totals}
    if not counts:
        sys.exit(f"{isa}: callgrind saw no call of any kernel.")
    return counts


def compare(kind, measured, reference, least, most):
    """Complaints about figures that left their reference; those that came or went too."""
    complaints = [f"{kind}: {name} has no reference." for name in measured.keys() - reference.keys()]
    complaints += [f"{kind}: {name} is no longer measured." for name in reference.keys() - measured.keys()]
    for name in sorted(measured.keys() & reference.keys()):
        ratio = measured[name] / reference[name]
        if ratio > most:
            complaints.append(f"{kind}: {name} is {ratio:.2f} times its reference of {reference[name]:g}: slower.")
        if ratio < least:
            complaints.append(f"{kind}: {name} is {ratio:.2f} times its reference of {reference[name]:g}: renew it.")
    return complaints


def check_cycles(bench, reference):
    """Measures again while anything looks slow: the best counts, as work beside it only ever adds."""
    best = {}
    for _ in range(ATTEMPTS):
        for name, cost in measure(bench).items():
            best[name] = min(cost, best.get(name, cost))
        complaints = compare("cycles", best, reference, LEAST_CYCLES, MOST_CYCLES)
        if not any("slower" in line for line in complaints):
            break
    return complaints


def best_cycles(bench):
    runs = [measure(bench) for _ in range(3)]
    return {name: round(min(run[name] for run in runs), 3) for name in runs[0]}


ROOT = REFERENCE.parents[2]
KERNELS, BENCH = ROOT / "Sources/Runtime/CKernels", ROOT / "Sources/Tools/kernel-bench"
# File, what stands there, what is slower, kernels that contain it. Adding a zero's product changes no result that
# matters here, and no compiler may leave it out.
SLOWER = [
    (
        "body/gemm.h",
        "sum[r][v] = vec_fma(value, line[v], sum[r][v])",
        "sum[r][v] = vec_fma(value, line[v], vec_fma(value, vec_set(0), sum[r][v]))",
        {"gemm"},
    ),
    (
        "body/scan.h",
        "return vec_fma(*state, vec_set(b[EVSSM_STATES]), sum)",
        "return vec_fma(*state, vec_set(b[EVSSM_STATES]), vec_fma(*state, vec_set(0), sum))",
        {"scan", "scan_reduced"},
    ),
    (
        "body/norms.h",
        "vec_store(out + c, vec_mul(vec_load(in + c), scale))",
        "vec_store(out + c, vec_mul(vec_mul(vec_load(in + c), vec_set(1.5f)), scale))",
        {"rms_norm"},
    ),
]


def build(folder, slower):
    """kernel-bench in `folder`, by the compilers of the Swift on the path."""
    sources = folder / "CKernels"
    shutil.copytree(KERNELS, sources)
    for file, old, new, _ in slower:
        text = (sources / file).read_text()
        if text.count(old) != 1:
            sys.exit(f"{file} no longer has one line with: {old}")
        (sources / file).write_text(text.replace(old, new))
    clang = Path(shutil.which("swiftc")).resolve().with_name("clang")
    objects = []
    for source in sorted(sources.rglob("*.c")):
        objects.append(folder / (source.stem + ".o"))
        command = [clang, "-O2", "-I", sources, "-I", sources / "include", "-c", source, "-o", objects[-1]]
        subprocess.run(command, check=True)
    program = folder / "kernel-bench"
    command = [
        "swiftc",
        "-O",
        "-swift-version",
        "6",
        "-I",
        sources / "include",
        *BENCH.glob("*.swift"),
        *objects,
        "-lm",
    ]
    subprocess.run([*command, "-o", program], check=True)
    return program


def prove(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("now", "slower"):
            Path(folder, name).mkdir()
        now = count(build(Path(folder, "now"), []), "avx2", names)
        slower = count(build(Path(folder, "slower"), SLOWER), "avx2", names)
    found = {line.split()[2] for line in compare("instructions", slower, now, LEAST_INSTRUCTIONS, MOST_INSTRUCTIONS)}
    wanted = set().union(*(kernels for *_, kernels in SLOWER))
    for name in sorted(wanted | found):
        print(f"{name}: {now[f'avx2 {name}']} instructions, {slower[f'avx2 {name}']} with an operation more")
    if found != wanted:
        sys.exit(f"Complaints about {sorted(found)}, not about {sorted(wanted)}.")
    print(f"A slower inner loop is noticed in {len(wanted)} kernels of {len(now)}, and nothing is said of the others.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?", help="the program kernel-bench, of a release build")
    parser.add_argument("--instructions", action="store_true", help="leave out the times")
    parser.add_argument("--prove", action="store_true", help="show that slower kernels are noticed")
    parser.add_argument("--write", action="store_true", help="write new references for this machine")
    options = parser.parse_args()

    reference = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {"instructions": {}, "cycles": {}}
    names = kernel_names(ROOT)
    if options.prove:
        return prove(names)
    if options.bench is None:
        parser.error("name the program kernel-bench, or --prove")
    instructions = {}
    for isa in COUNTED:
        instructions.update(count(options.bench, isa, names))
    if options.write:
        reference["instructions"] = instructions
        if not options.instructions:
            reference["cycles"][processor()] = best_cycles(options.bench)
        REFERENCE.write_text(json.dumps(reference, indent=1, sort_keys=True) + "\n")
        print(f"{REFERENCE}: written for {processor()}")
        return
    complaints = compare("instructions", instructions, reference["instructions"], LEAST_INSTRUCTIONS, MOST_INSTRUCTIONS)
    known = None if options.instructions else reference["cycles"].get(processor())
    if known is None and not options.instructions:
        print(f"No cycles are known for {processor()}; instructions alone are checked.")
    if known is not None:
        complaints += check_cycles(options.bench, known)
    if complaints:
        print("\n".join(complaints))
        sys.exit("The kernels changed their speed. If that is meant, run tools/checks/speed --write.")
    print(f"{len(instructions)} instruction counts and {len(known or {})} cycle ratios hold.")


if __name__ == "__main__":
    main()
