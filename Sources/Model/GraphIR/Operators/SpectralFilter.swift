import Tensors

/// Every 8×8 patch of every channel filtered in the frequency domain: irfft2(rfft2(patch) · filter).
///
/// Inputs: map (1, C, H, W) with H and W multiples of 8, and a real filter, either the half spectrum (C, 8, 5) of
/// `rfft2` or the full transfer function (C, 8, 8), which must be even: filter[u, v] = filter[−u, −v].
/// Of the half spectrum, `irfft2` drops the anti-Hermitian part of columns 0 and 4.
package struct SpectralFilter: FrameEquivariant {
  package static let name = "spectral_filter"

  package init() {}

  package func isAffine(inInput index: Int) -> Bool { true }

  package func inferTypes(_ inputs: [ValueType]) throws -> [ValueType] {
    let rule = try TypeRule(self, inputs, count: 2)
    let map = try rule.map(0)
    let columns = try rule.size(1, axis: 2, rank: 3)
    guard columns.known == 5 || columns.known == 8 else { throw rule.failure("needs a filter of 5 or 8 columns") }
    try rule.tensor(1, [map.channels, 8, columns])
    for size in [map.height, map.width] where try size.roundedUp(toMultipleOf: 8) != size {
      throw rule.failure("needs a map whose height and width are multiples of 8")
    }
    return [map.type]
  }

  /// The transfer function transposed; it is even, so a half turn leaves it alone. A half spectrum has no transpose.
  package func reframed(_ constant: Tensor, input index: Int, by frame: Frame) throws -> Tensor {
    if !frame.transposed { return constant }
    guard constant.shape.last == 8 else {
      throw EVSSMError(
        "frame.half-spectrum", "A half spectrum cannot be transposed; make it a full transfer function first.",
        category: .internal)
    }
    return try Frame(transposed: true).applied(to: constant)
  }
}

extension SpectralFilter {
  /// The real, even transfer function (C, 8, 8), in float64, that a half spectrum (C, 8, 5) amounts to.
  package static func transferFunction(ofHalfSpectrum half: Tensor) throws -> Tensor {
    let values = half.doubles()
    let channels = half.shape[0]
    var full = [Double](repeating: 0, count: channels * 64)
    for channel in 0..<channels {
      for u in 0..<8 {
        let mirror = (8 - u) % 8
        func at(_ row: Int, _ column: Int) -> Double { values[(channel * 8 + row) * 5 + column] }
        for v in 0..<8 {
          let value =
            switch v {
            case 0, 4: (at(u, v) + at(mirror, v)) / 2
            case 1...3: at(u, v)
            default: at(mirror, 8 - v)
            }
          full[(channel * 8 + u) * 8 + v] = value
        }
      }
    }
    return try Tensor(dtype: .float64, shape: [channels, 8, 8]) { out in
      full.withUnsafeBytes { out.copyMemory(from: $0) }
    }
  }
}
