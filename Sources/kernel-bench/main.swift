// Measures the kernels: `kernel-bench [baseline|avx2|avx512|neon ...]`, all of this processor's by default.
import CKernels

let wanted = CommandLine.arguments.dropFirst()
for value in 0..<EVSSM_ISA_COUNT.rawValue {
  let isa = evssm_isa(rawValue: value)
  guard let kernels = evssm_kernels_for(isa), let name = evssm_isa_name(isa) else { continue }
  if wanted.isEmpty || wanted.contains(String(cString: name)) { Bench(kernels.pointee).run() }
}
