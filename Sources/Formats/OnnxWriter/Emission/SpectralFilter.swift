import Foundation
import GraphIR
import Tensors

extension SpectralFilter: OnnxEmittable {
  /// The filter is real and even, so it acts in the Hartley domain as in the Fourier domain: two products with one real
  /// 64 × 64 matrix and no complex numbers, which every runtime has a fast form for.
  ///
  /// (1, C, 8h, 8w) → (C, h·w, 64) → · K → ⊙ filter / 64 → · K → (1, C, 8h, 8w), K[j, k] = cas(2π·(yj·yk + xj·xk)/8).
  func emit(_ place: OnnxPlace, _ emitter: inout OnnxEmitter) throws -> [String] {
    guard let filter = place.operands[1].constant else {
      throw EVSSMError("onnx.constant", "The spectral filter must be a constant.", category: .usage)
    }
    let (x, name) = (place.operands[0].name, place.name)
    let channels = filter.shape[0]
    let matrix = emitter.addInitializer("hartley_8x8", try Self.hartleyMatrix())
    let gains = try weights(filter, place.operands[1].name, &emitter)
    let width = try emitter.size(place.results[0].shape[3])
    let patchColumns = try emitter.arithmetic("Div", width, .known(8), name: name + ".patch_columns") { $0 / $1 }
    let grid = try emitter.vector(
      [.known(channels), .known(-1), .known(8), patchColumns, .known(8)], name: name + ".grid_shape")
    let patches = try emitter.vector(
      [.known(channels), .known(-1), patchColumns, .known(8), .known(8)], name: name + ".patches_shape")
    let swap: [(name: String, value: OnnxAttribute)] = [("perm", .ints([0, 1, 3, 2, 4]))]
    let cut = emitter.add("Reshape", [x, grid], name: name + ".grid")
    let gathered = emitter.add("Transpose", [cut], swap, name: name + ".patches")
    let rows = emitter.add("Reshape", [gathered, try emitter.ints([channels, -1, 64])], name: name + ".rows")
    let spectrum = emitter.add("MatMul", [rows, matrix], name: name + ".spectrum")
    let filtered = emitter.add("Mul", [spectrum, gains], name: name + ".filtered")
    let back = emitter.add("MatMul", [filtered, matrix], name: name + ".back")
    let split = emitter.add("Reshape", [back, patches], name: name + ".filtered_patches")
    let spread = emitter.add("Transpose", [split], swap, name: name + ".filtered_grid")
    return [try emitter.map(spread, place.results[0], name: name)]
  }

  /// The even transfer function over 64, (C, 1, 64): the two products together scale by 64.
  private func weights(_ filter: Tensor, _ name: String, _ emitter: inout OnnxEmitter) throws -> String {
    let full = filter.shape[2] == 8 ? filter : try Self.transferFunction(ofHalfSpectrum: filter)
    let values = full.doubles().map { Float($0 / 64) }
    return emitter.addInitializer(name + ".hartley", try Tensor(shape: [filter.shape[0], 1, 64], floats: values))
  }

  /// cos + sin of 2π·(yj·yk + xj·xk)/8 at row j = 8·yj + xj and column k = 8·yk + xk.
  static func hartleyMatrix() throws -> Tensor {
    var values: [Float] = []
    for j in 0..<64 {
      for k in 0..<64 {
        let turns = Double((j / 8 * (k / 8) + j % 8 * (k % 8)) % 8) / 8
        values.append(Float(cos(2 * .pi * turns) + sin(2 * .pi * turns)))
      }
    }
    return try Tensor(shape: [64, 64], floats: values)
  }
}
