import Tensors

/// The name and shape of one of a network's tensors.
package struct ParameterShape: Sendable, Hashable {
  package var name: String
  package var shape: [Int]

  package init(_ name: String, _ shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}

extension EVSSMArchitecture {
  /// Every tensor of the state dict, in the order in which the authors' network lists them.
  package var parameters: [ParameterShape] {
    var all = [ParameterShape("patch_embed.proj.weight", [dim, 3, 3, 3])]
    for (index, stage) in stages.enumerated() {
      for block in 0..<blocks[stage.level] {
        all += blockParameters("\(stage.name).block\(block).", stage.level)
      }
      all += resamplingParameters(after: index)
    }
    return all + [ParameterShape("output.weight", [3, dim, 3, 3])]
  }

  /// Elements of all tensors of the state dict. Throws `size.overflow`.
  package func parameterCount() throws -> Int {
    try parameters.reduce(0) { try Checked.add($0, Checked.product($1.shape)) }
  }

  func blockParameters(_ prefix: String, _ level: Int) -> [ParameterShape] {
    let c = channels(level)
    let d = inner(level)
    let e = hidden[level]
    let r = rank[level]
    let n = Self.states
    return [
      ("norm1.body.weight", [c]), ("norm1.body.bias", [c]),
      ("attn.x_proj_weight", [1, r + 2 * n, d]), ("attn.dt_projs_weight", [1, d, r]),
      ("attn.dt_projs_bias", [1, d]), ("attn.A_logs", [d, n]), ("attn.Ds", [d]),
      ("attn.in_proj.weight", [2 * d, c]),
      ("attn.conv2d.weight", [d, 1, 3, 3]), ("attn.conv2d.bias", [d]),
      ("attn.x_conv.weight", [r + 2 * n, 1, Self.taps]), ("attn.x_conv.bias", [r + 2 * n]),
      ("attn.out_norm.weight", [d]), ("attn.out_norm.bias", [d]), ("attn.out_proj.weight", [c, d]),
      ("norm2.body.weight", [c]), ("norm2.body.bias", [c]),
      ("ffn.fft", [c, 1, 1, 8, 5]), ("ffn.project_in.weight", [2 * e, c, 1, 1]),
      ("ffn.dwconv.weight", [2 * e, 1, 3, 3]), ("ffn.project_out.weight", [c, e, 1, 1]),
    ].map { ParameterShape(prefix + $0.0, $0.1) }
  }

  /// The resampling convolution between a stage and the next.
  private func resamplingParameters(after stage: Int) -> [ParameterShape] {
    func weight(_ name: String, _ from: Int, _ to: Int, _ side: Int) -> [ParameterShape] {
      [ParameterShape(name + ".body.1.weight", [channels(to), channels(from), side, side])]
    }
    switch stage {
    case 0: return weight("down1_2", 0, 1, downKernels[0])
    case 1: return weight("down2_3", 1, 2, downKernels[1])
    case 3: return weight("up3_2", 2, 1, upKernels[0])
    case 4: return weight("up2_1", 1, 0, upKernels[1])
    default: return []
    }
  }
}
