"""Whether the kernels are as fast as they were: see tools/check-speed.

Two yardsticks, both of which other work on the machine hardly disturbs:

* instructions, counted by callgrind, of every kernel that kernel-bench runs, on the instruction sets that
  it knows (no AVX-512);
* cycles as a multiple of the time that the same process takes for multiply-adds in registers, best of many short rounds.
  They hold for one model of processor, so figures are kept a model; on another one they are skipped, and the
  instructions still checked.

Figures may leave their reference on both sides: what became slower is a fault, what became faster makes the reference
blind and asks for new figures (--write).
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REFERENCE = Path(__file__).with_name("kernel-speed.json")
COUNTED = ["baseline", "avx2"]
MOST_INSTRUCTIONS, LEAST_INSTRUCTIONS = 1.04, 0.90
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
    text = (root / "Sources/CKernels/include/kernels.def").read_text()
    return set(re.findall(r"^EVSSM_KERNEL\((\w+),", text, re.M))


def count(bench, isa, names):
    """Kernel -> instructions of all its calls, what it calls included."""
    with tempfile.TemporaryDirectory() as folder:
        out, program = Path(folder, "callgrind"), Path(folder, "kernel-bench")
        # Names of functions are enough, and what else a compiler of today writes for debuggers, callgrind may not read.
        subprocess.run(["strip", "--strip-debug", "-o", program, bench], check=True)
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, "--once", isa]
        subprocess.run(command, check=True, capture_output=True)
        annotate = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)]
        text = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout
    totals = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \(.*?\)\s+\S*?:(\w+)(?:\s|$)", line)
        if match and match[2] in names:
            totals[match[2]] = totals.get(match[2], 0) + int(match[1].replace(",", ""))
    if not totals:
        sys.exit(f"{isa}: callgrind saw no call of any kernel.")
    return {f"{isa} {name}": total for name, total in totals.items()}


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="the program kernel-bench, of a release build")
    parser.add_argument("--write", action="store_true", help="write new references for this machine")
    options = parser.parse_args()

    reference = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {"instructions": {}, "cycles": {}}
    names = kernel_names(REFERENCE.parent.parent)
    instructions = {}
    for isa in COUNTED:
        instructions.update(count(options.bench, isa, names))
    if options.write:
        reference["instructions"] = instructions
        reference["cycles"][processor()] = best_cycles(options.bench)
        REFERENCE.write_text(json.dumps(reference, indent=1, sort_keys=True) + "\n")
        print(f"{REFERENCE}: written for {processor()}")
        return
    complaints = compare("instructions", instructions, reference["instructions"], LEAST_INSTRUCTIONS, MOST_INSTRUCTIONS)
    known = reference["cycles"].get(processor())
    if known is None:
        print(f"No cycles are known for {processor()}; instructions alone are checked.")
    else:
        complaints += check_cycles(options.bench, known)
    if complaints:
        print("\n".join(complaints))
        sys.exit("The kernels changed their speed. If that is meant, run tools/check-speed --write.")
    print(f"{len(instructions)} instruction counts and {len(known or {})} cycle ratios hold.")


if __name__ == "__main__":
    main()
