import CKernels
import Foundation
import Testing

/// Every kernel of every instruction set of this processor, on every case.
@Suite("kernels")
struct KernelSuite {
  private struct Workspace {
    let inputs: [GuardedBuffer]
    let outputs: [GuardedBuffer]

    /// Outputs get another pattern: what a kernel computes from an input's guard zone must not pass for their own.
    init(_ kernelCase: KernelCase, pattern: UInt32) {
      inputs = kernelCase.inputs.map { GuardedBuffer($0, pattern: pattern) }
      outputs = kernelCase.outputs.map { GuardedBuffer($0, pattern: pattern ^ 0x5555) }
    }

    func run(_ kernelCase: KernelCase, _ kernels: evssm_kernels, _ pieces: [Range<Int>]) {
      for piece in pieces {
        kernelCase.run(kernels, inputs.map { UnsafePointer($0.pointer) }, outputs.map(\.pointer), piece)
      }
    }
  }

  private static let quietNaN: UInt32 = 0x7fc0_abcd
  private static let huge: UInt32 = 0x7f00_1234

  private func whole(_ kernelCase: KernelCase, _ kernels: evssm_kernels, pattern: UInt32) -> Workspace {
    let workspace = Workspace(kernelCase, pattern: pattern)
    workspace.run(kernelCase, kernels, [0..<kernelCase.length])
    return workspace
  }

  @Test(
    "agrees with the float64 reference and writes nothing else",
    arguments: InstructionSet.available, KernelCase.all)
  func agrees(_ set: InstructionSet, _ kernelCase: KernelCase) throws {
    let workspace = whole(kernelCase, try #require(set.kernels), pattern: Self.quietNaN)
    for (buffer, values) in zip(workspace.inputs, kernelCase.inputs) {
      #expect(buffer.guardsHold && buffer.bits == values.map(\.bitPattern), "an input was written")
    }
    for (index, buffer) in workspace.outputs.enumerated() {
      #expect(buffer.guardsHold, "output \(index) was written out of bounds")
      let got = kernelCase.values(index, buffer.values), expected = kernelCase.expected[index]
      let before = kernelCase.values(index, kernelCase.outputs[index])
      try #require(got.count == expected.count)
      let wrong = got.indices.first { at in
        guard let wanted = expected[at] else { return got[at].bitPattern != before[at].bitPattern }
        return !wanted.admits(got[at])
      }
      if let at = wrong {
        Issue.record("output \(index)[\(at)] is \(got[at]), not \(expected[at].map { "\($0)" } ?? "left alone")")
      }
    }
  }

  @Test("does not depend on what lies around its buffers", arguments: InstructionSet.available, KernelCase.all)
  func ignoresSurroundings(_ set: InstructionSet, _ kernelCase: KernelCase) throws {
    let kernels = try #require(set.kernels)
    let first = whole(kernelCase, kernels, pattern: Self.quietNaN)
    let second = whole(kernelCase, kernels, pattern: Self.huge)
    for (one, other) in zip(first.outputs, second.outputs) { #expect(one.bits == other.bits) }
  }

  @Test("gives the same bits however the work is cut", arguments: InstructionSet.available, KernelCase.all)
  func isCutInvariant(_ set: InstructionSet, _ kernelCase: KernelCase) throws {
    let kernels = try #require(set.kernels)
    let reference = whole(kernelCase, kernels, pattern: Self.quietNaN)
    var randomness = Randomness(kernelCase.length)
    for _ in 0..<3 {
      let cut = Workspace(kernelCase, pattern: Self.quietNaN)
      cut.run(kernelCase, kernels, randomness.pieces(of: kernelCase.length))
      for (one, other) in zip(reference.outputs, cut.outputs) { #expect(one.bits == other.bits) }
    }
  }

  @Test("the cases cover every line of kernels.def")
  func coversTheTable() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/Runtime/CKernels/include/kernels.def")
    let names = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("EVSSM_KERNEL(") }
      .compactMap { $0.dropFirst("EVSSM_KERNEL(".count).split(separator: ",").first.map(String.init) }
    try #require(!names.isEmpty)
    #expect(Set(names) == Set(KernelCase.all.map(\.kernel)))
  }
}
