import EVSSMModel
import Tensors
import TestSupport
import Testing

@Suite struct RecognitionTests {
  static let architectures = [
    SeededWeights.architecture(dim: 8, blocks: [1, 1, 1]),
    SeededWeights.architecture(dim: 12, blocks: [3, 1, 2], expansion: 2.66),
    SeededWeights.architecture(dim: 24, blocks: [2, 3, 1], downKernels: [1, 3], upKernels: [3, 1]),
    SeededWeights.architecture(dim: 3, blocks: [1, 2, 1], downKernels: [1, 1], upKernels: [5, 1]),
  ]
  static let small = architectures[0]

  @Test(arguments: architectures) func readsEveryHyperParameter(_ architecture: EVSSMArchitecture) throws {
    let catalogue = try SeededWeights.catalogue(architecture, seed: 1)
    #expect(try EVSSMArchitecture.recognise(catalogue) == architecture)
    #expect(try architecture.parameterCount() == catalogue.names.reduce(0) { $0 + (catalogue[$1]?.elementCount ?? 0) })
  }

  @Test func readsOtherFloatingPointTypes() throws {
    let catalogue = try SeededWeights.catalogue(Self.small, seed: 1)
    for dtype in [DType.float16, .bfloat16, .float64] {
      let converted = try catalogue.map { try $1.converted(to: dtype) }
      #expect(try EVSSMArchitecture.recognise(converted) == Self.small)
    }
  }

  @Test func theOfficialNetworkHasItsPublishedSize() throws {
    #expect(try EVSSMArchitecture.official.parameterCount() == 17_129_472)
    #expect(try EVSSMArchitecture.official.multiplyAdds(height: 256, width: 256) == 125_498_818_560)
    #expect(SeededWeights.architecture(dim: 48, blocks: [6, 6, 12]) == .official)
  }

  @Test func windowsThatOverlapCostMore() throws {
    let official = EVSSMArchitecture.official
    let released = try official.multiplyAdds(height: 720, width: 1280, windows: .released)
    let whole = try official.multiplyAdds(height: 720, width: 1280, windows: .whole)
    #expect(released > whole)
    #expect(try official.multiplyAdds(height: 253, width: 255) == official.multiplyAdds(height: 256, width: 256))
    #expect(throws: EVSSMError.self) { try official.multiplyAdds(height: Int.max / 2, width: Int.max / 2) }
  }
}

/// Checkpoints that are nearly EVSSM's, or not at all.
@Suite struct MismatchTests {
  let architecture = RecognitionTests.small

  /// The error for the seeded checkpoint with some tensors changed; nil leaves a tensor out.
  private func mismatch(
    adding extra: [(String, Tensor)] = [], _ change: (String, Tensor) throws -> Tensor? = { $1 }
  ) throws -> EVSSMError? {
    let full = try SeededWeights.catalogue(architecture, seed: 1)
    var catalogue = TensorCatalogue()
    for name in full.names {
      if let tensor = full[name], let changed = try change(name, tensor) { try catalogue.append(name, changed) }
    }
    for (name, tensor) in extra { try catalogue.append(name, tensor) }
    return #expect(throws: EVSSMError.self) { try EVSSMArchitecture.recognise(catalogue) }
  }

  private func zeros(_ shape: [Int]) throws -> Tensor { try Tensor(dtype: .float32, shape: shape) { _ in } }

  /// A tensor left out, for every kind of tensor there is.
  @Test(arguments: RecognitionTests.small.parameters.prefix(24).map(\.name)) func missing(_ missing: String) throws {
    let error = try mismatch { name, tensor in name == missing ? nil : tensor }
    #expect(error?.code == "evssm.mismatch")
    #expect(error?.message.contains("missing: \(missing) [") == true)
    #expect(error?.message.contains("1 tensors missing, 0 unexpected, 0 of the wrong shape") == true)
  }

  @Test(arguments: RecognitionTests.small.parameters.prefix(24).map(\.name)) func anAxisTooMany(_ wrong: String) throws
  {
    let error = try mismatch { name, tensor in name == wrong ? try zeros(tensor.shape + [2]) : tensor }
    #expect(error?.code == "evssm.mismatch")
    #expect(error?.message.contains("wrong shape: \(wrong) is ") == true)
  }

  @Test func aTransposedMatrix() throws {
    let name = "decoder_level2.block0.attn.out_proj.weight"
    let error = try mismatch { $0 == name ? try zeros($1.shape.reversed()) : $1 }
    #expect(error?.message.contains("wrong shape: \(name) is [32, 16], expected [16, 32]") == true)
  }

  @Test func unexpected() throws {
    let error = try mismatch(adding: [("encoder_level1.block0.attn.gate", zeros([4]))])
    #expect(error?.message.contains("unexpected: encoder_level1.block0.attn.gate [4]") == true)
  }

  @Test func aBlockInTheEncoderAlone() throws {
    let block = try SeededWeights.catalogue(SeededWeights.architecture(dim: 8, blocks: [2, 1, 1]), seed: 1)
    let extra = block.names.filter { $0.hasPrefix("encoder_level1.block1.") }
    let error = try mismatch(adding: extra.compactMap { name in block[name].map { (name, $0) } })
    #expect(error?.message.contains("21 tensors missing, 0 unexpected") == true)
    #expect(error?.message.contains("missing: decoder_level1.block1.norm1.body.weight [8]") == true)
  }

  @Test func integers() throws {
    let error = try mismatch { name, tensor in
      name.hasSuffix("Ds") ? try Tensor(dtype: .int64, shape: tensor.shape) { _ in } : tensor
    }
    #expect(error?.code == "evssm.dtype")
    #expect(error?.message.contains("not floating-point: encoder_level1.block0.attn.Ds is int64") == true)
  }

  @Test func anotherNetwork() throws {
    var catalogue = TensorCatalogue()
    try catalogue.append("conv1.weight", zeros([64, 3, 7, 7]))
    try catalogue.append("fc.bias", zeros([1000]))
    let error = #expect(throws: EVSSMError.self) { try EVSSMArchitecture.recognise(catalogue) }
    #expect(error?.code == "evssm.not-recognised")
    #expect(#expect(throws: EVSSMError.self) { try EVSSMArchitecture.recognise(TensorCatalogue()) } != nil)
  }

  @Test func anEvenKernel() throws {
    let error = try mismatch { name, tensor in
      name == "up3_2.body.1.weight" ? try zeros([16, 32, 2, 2]) : tensor
    }
    #expect(error?.place.node == "up3_2.body.1.weight")
  }

  @Test func sizesOverTheLimits() throws {
    let dim = try mismatch { name, tensor in
      name == "patch_embed.proj.weight" ? try zeros([5000, 3, 3, 3]) : tensor
    }
    #expect(dim?.limit == "max_dim")
    let blocks = try mismatch(adding: [("encoder_level1.block999999.norm1.body.weight", zeros([8]))])
    #expect(blocks?.limit == "max_blocks")
    let kernel = try mismatch { name, tensor in
      name == "down1_2.body.1.weight" ? try zeros([16, 8, 17, 17]) : tensor
    }
    #expect(kernel?.limit == "max_kernel_side")
    let hidden = try mismatch { name, tensor in
      name.hasSuffix("level1.block0.ffn.project_in.weight") ? try zeros([1 << 19, 1, 1, 1]) : tensor
    }
    #expect(hidden?.limit == "max_hidden")
  }

  @Test func scalarsAndEmptyTensors() throws {
    let scalars = try mismatch { _, _ in try zeros([]) }
    #expect(scalars?.code == "evssm.mismatch")
    let empty = try mismatch { _, tensor in try zeros(tensor.shape.map { _ in 0 }) }
    #expect(empty?.code == "evssm.mismatch")
  }

  @Test func theListIsBounded() throws {
    let extra = try (0..<3000).map { ("extra\($0)", try zeros([1])) }
    let error = try mismatch(adding: extra)
    #expect(error?.message.contains("3000 unexpected") == true)
    #expect(error?.message.hasSuffix("… and 1000 more") == true)
  }

  @Test func namesFromTheFileAreEscaped() throws {
    let error = try mismatch(adding: [("evil\u{1B}[2Jname", zeros([1]))])
    #expect(error?.message.contains("\u{1B}") == false)
  }
}
