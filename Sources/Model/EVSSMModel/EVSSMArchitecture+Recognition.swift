import Tensors

extension EVSSMArchitecture {
  /// The architecture of a checkpoint, by names and shapes alone.
  ///
  /// Throws `evssm.not-recognised` when the names look nothing like EVSSM's, `evssm.mismatch` with every missing,
  /// unexpected and wrongly shaped tensor when the checkpoint is nearly one, `evssm.dtype` for tensors that are not
  /// floating-point, and `limit.exceeded`.
  /// - Complexity: O(tensors).
  package static func recognise(_ catalogue: TensorCatalogue) throws -> EVSSMArchitecture {
    let reader = ShapeReader(catalogue)
    guard reader.resemblesEVSSM else {
      let sample = catalogue.names.prefix(3).map { EVSSMError.escaped($0, limit: 60) }.joined(separator: ", ")
      throw EVSSMError(
        "evssm.not-recognised",
        "This is not an EVSSM checkpoint: of its \(catalogue.count) tensors (\(sample)…) hardly any has a name that "
          + "EVSSM uses. Give a file with the state dict of the network, not of another one or of an optimiser.")
    }
    let architecture = try reader.architecture()
    try StateDictDifference(catalogue, architecture).check()
    return architecture
  }
}

/// Reads hyper-parameters from single shapes; what is missing gets the most likely value, and the comparison of the
/// whole state dict reports it.
private struct ShapeReader {
  let catalogue: TensorCatalogue

  init(_ catalogue: TensorCatalogue) { self.catalogue = catalogue }

  var resemblesEVSSM: Bool {
    let marks = [".attn.A_logs", ".attn.x_proj_weight", ".attn.dt_projs_weight", ".ffn.fft", ".attn.x_conv.weight"]
    return marks.filter { mark in catalogue.names.contains { $0.hasSuffix(mark) } }.count >= 2
  }

  func architecture() throws -> EVSSMArchitecture {
    let dim = size("patch_embed.proj.weight", 0) ?? size("output.weight", 1) ?? size(norm(0), 0) ?? 48
    guard dim > 0 else {
      throw EVSSMError("evssm.mismatch", "patch_embed.proj.weight has no output channels.")
    }
    try Limits.check(dim, atMost: Limits.maxDim, name: "max_dim", "The number of channels (dim)")
    let blocks = try (0..<3).map(blockCount)
    let hidden = try (0..<3).map { level in
      let doubled = try first(level, "ffn.project_in.weight", 0) ?? 6 * (dim << level)
      try Limits.check(doubled, atMost: 2 * Limits.maxHidden, name: "max_hidden", "Twice the hidden channels")
      return max(doubled / 2, 1)
    }
    let rank = try (0..<3).map { level in
      let rank = try first(level, "attn.dt_projs_weight", 2) ?? ((dim << level) + 15) / 16
      try Limits.check(rank, atMost: Limits.maxDim, name: "max_dim", "The rank of the time step")
      return max(rank, 1)
    }
    return EVSSMArchitecture(
      dim: dim, blocks: blocks, hidden: hidden, rank: rank,
      downKernels: try ["down1_2", "down2_3"].map(kernel), upKernels: try ["up3_2", "up2_1"].map(kernel))
  }

  private func norm(_ level: Int) -> String { "encoder_level\(level + 1).block0.norm1.body.weight" }

  private func size(_ name: String, _ axis: Int) -> Int? {
    guard let shape = catalogue[name]?.shape, shape.indices.contains(axis) else { return nil }
    return shape[axis]
  }

  /// A size of the first block of the level, in the encoder or else the decoder.
  private func first(_ level: Int, _ name: String, _ axis: Int) throws -> Int? {
    size("encoder_level\(level + 1).block0.\(name)", axis) ?? size("decoder_level\(level + 1).block0.\(name)", axis)
  }

  private func kernel(_ name: String) throws -> Int {
    let side = size("\(name).body.1.weight", 3) ?? 3
    try Limits.check(side, atMost: Limits.maxKernelSide, name: "max_kernel_side", "The side of \(name)'s kernel")
    guard side % 2 == 1 else {
      throw EVSSMError(
        "evssm.mismatch", "The kernel has side \(side); EVSSM's resampling convolutions have an odd side.",
        place: .init(node: "\(name).body.1.weight"))
    }
    return side
  }

  /// The number of blocks of a level: the larger of encoder and decoder, which must be equal.
  private func blockCount(_ level: Int) throws -> Int {
    let prefixes = ["encoder_level\(level + 1).block", "decoder_level\(level + 1).block"]
    var count = 1
    for name in catalogue.names {
      guard let prefix = prefixes.first(where: name.hasPrefix) else { continue }
      let digits = name.dropFirst(prefix.count).prefix { $0 != "." }
      guard let index = Int(digits), index >= 0, String(index) == digits else { continue }
      try Limits.check(
        index, atMost: Limits.maxBlocks - 1, name: "max_blocks", "The number of a block", place: .init(node: name))
      count = max(count, index + 1)
    }
    return count
  }
}
