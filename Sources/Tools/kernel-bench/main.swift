// Measures the kernels: `kernel-bench [--json] [--once] [baseline|avx2|avx512|neon ...]`, all of this processor's by
// default. --json prints a line a kernel; --once runs every kernel once, for a tool that counts instructions.
import CKernels

let arguments = CommandLine.arguments.dropFirst()
let wanted = arguments.filter { !$0.hasPrefix("--") }
for value in 0..<EVSSM_ISA_COUNT.rawValue {
  let isa = evssm_isa(rawValue: value)
  guard let kernels = evssm_kernels_for(isa), let name = evssm_isa_name(isa) else { continue }
  guard wanted.isEmpty || wanted.contains(String(cString: name)) else { continue }
  let stopwatch = arguments.contains("--once") ? Stopwatch.once : Stopwatch()
  Bench(kernels.pointee, stopwatch: stopwatch, printsJSON: arguments.contains("--json")).run()
}
