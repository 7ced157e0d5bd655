import CKernels
import Glibc
import Tensors

/// An instruction set that the kernels are compiled for.
package enum InstructionSet: String, Sendable, CaseIterable {
  case baseline, avx2, avx512, avx512bf16, neon

  /// The kernels' constant of this name: the names are those of `sets.def`, which a test holds them to.
  var kernelSet: evssm_isa {
    for value in 0..<EVSSM_ISA_COUNT.rawValue {
      let isa = evssm_isa(rawValue: value)
      if evssm_isa_name(isa).map({ String(cString: $0) }) == rawValue { return isa }
    }
    return EVSSM_ISA_COUNT
  }

  /// Whether this build and this processor have it.
  package var isAvailable: Bool { evssm_kernels_for(kernelSet) != nil }

  /// The sets that can run here, slowest first.
  package static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

  /// The fastest set of this processor.
  package static var best: InstructionSet {
    let name = evssm_isa_name(evssm_best_isa()).map { String(cString: $0) } ?? "baseline"
    return InstructionSet(rawValue: name) ?? .baseline
  }

  /// What the environment variable `EVSSM_ISA` names, or ``best`` when it is not set.
  ///
  /// Throws `runtime.isa` when it names none, or one that this processor lacks.
  package static func selected() throws -> InstructionSet {
    guard let value = getenv("EVSSM_ISA").map({ String(cString: $0) }), !value.isEmpty else { return best }
    guard let set = InstructionSet(rawValue: value), set.isAvailable else {
      let names = available.map(\.rawValue).joined(separator: ", ")
      throw EVSSMError(
        "runtime.isa", "\(EVSSMError.escaped(value)) cannot run here; this processor has \(names).", category: .usage,
        place: .init(option: "EVSSM_ISA"))
    }
    return set
  }

  /// Names of the kernels; every set has all of them.
  package static var kernelNames: [String] {
    var names: [String] = []
    while let name = evssm_kernel_name(names.count) { names.append(String(cString: name)) }
    return names
  }

  func kernels() throws -> UnsafePointer<evssm_kernels> {
    guard let kernels = evssm_kernels_for(kernelSet) else {
      throw EVSSMError(
        "runtime.isa", "This processor has no \(rawValue).", category: .usage, place: .init(option: "EVSSM_ISA"))
    }
    return kernels
  }
}
