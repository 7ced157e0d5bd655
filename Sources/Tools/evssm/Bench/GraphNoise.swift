import ArgumentParser
import ExecutionPlan
import ModelCompiler
import Tensors

/// `name=size` on the command line: how large an axis without a number is.
struct AxisSize: Sendable, ExpressibleByArgument {
  let name: String
  let size: Int

  init?(argument: String) {
    guard let equals = argument.lastIndex(of: "="), let size = Int(argument[argument.index(after: equals)...]),
      (1...Limits.maxDimension).contains(size)
    else { return nil }
    name = String(argument[..<equals])
    self.size = size
    if name.isEmpty { return nil }
  }
}

/// Inputs for a measurement: seeded noise in 0..<1 for floating-point numbers, zeros for all others.
struct GraphNoise {
  let size: PictureSize
  let axes: [AxisSize]

  /// A tensor for each port. Throws `bench.axis` for an axis of unknown size, and `limit.exceeded`.
  func inputs(_ ports: [TensorPort]) throws -> [Tensor] {
    var sizes = ["H": size.height, "W": size.width]
    for axis in axes { sizes[axis.name] = axis.size }
    return try ports.map { port in
      let shape = try port.shape.map { expected in
        switch expected {
        case .constant(let size): return size
        case .symbol(let symbol):
          guard let size = sizes[symbol] else { throw Self.missing(symbol, port) }
          return size
        }
      }
      let count = try Checked.product(shape, "The size of an input")
      try Limits.check(
        count, atMost: Limits.maxBenchValues, name: "max_bench_values", "The number of values of an input")
      guard port.dtype.isFloatingPoint else { return try Tensor(dtype: port.dtype, shape: shape) { _ in } }
      return try Tensor(shape: shape, floats: SeededNoise.values(count: count)).converted(to: port.dtype)
    }
  }

  private static func missing(_ symbol: String, _ port: TensorPort) -> EVSSMError {
    EVSSMError(
      "bench.axis",
      "The size \(EVSSMError.escaped(symbol)) of input \(port) is not known. Give --axis \(EVSSMError.escaped(symbol))=N.",
      category: .usage, place: .init(option: "--axis"))
  }
}

extension Limits {
  /// Values of one input of a measurement.
  static let maxBenchValues = 1 << 30
}
