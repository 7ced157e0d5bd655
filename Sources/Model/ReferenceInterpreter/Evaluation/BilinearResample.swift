import GraphIR
import Tensors

extension BilinearResample: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let map = inputs[0]
    var out = ReferenceArray<Scalar>(context.shapes[0])
    let rows = taps(out.height, map.height)
    let columns = taps(out.width, map.width)
    map.elements.withUnsafeBufferPointer { x in
      out.elements.withUnsafeMutableBufferPointer { y in
        var at = 0
        for c in 0..<map.channels {
          for row in rows {
            let (a, b) = ((c * map.height + row.first) * map.width, (c * map.height + row.second) * map.width)
            for column in columns {
              let upper = x[a + column.first] * Scalar(column.weight) + x[a + column.second] * Scalar(1 - column.weight)
              let lower = x[b + column.first] * Scalar(column.weight) + x[b + column.second] * Scalar(1 - column.weight)
              y[at] = upper * Scalar(row.weight) + lower * Scalar(1 - row.weight)
              at += 1
            }
          }
        }
      }
    }
    return [out]
  }

  /// For each output position the two inputs that it lies between and the weight of the first.
  private func taps(_ count: Int, _ size: Int) -> [(first: Int, second: Int, weight: Double)] {
    (0..<count).map { i in
      if factor == .half { return (2 * i, 2 * i + 1, 0.5) }
      let at = max((Double(i) + 0.5) / 2 - 0.5, 0)
      let first = Int(at)
      return (first, min(first + 1, size - 1), 1 - (at - Double(first)))
    }
  }
}
