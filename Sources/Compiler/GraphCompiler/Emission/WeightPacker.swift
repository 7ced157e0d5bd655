import ExecutionPlan
import Tensors

/// Collects a plan's constants in the layouts of its kernels, one behind the other on 64-byte lines.
///
/// Layouts: ``ScanStage/Weights`` and its siblings name them. Values are rounded to float32, and those of
/// matrices to bfloat16, here and nowhere else.
package struct WeightPacker {
  private(set) var descriptions: [ConstantDescription] = []
  /// Float32 values, and pairs of bfloat16 values, as words.
  private(set) var payload: [UInt32] = []
  /// Packed values that are NaN or infinite.
  private(set) var nonFiniteCount = 0

  /// Appends a float32 constant and returns its number.
  mutating func append(_ name: String, _ values: [Float]) -> ConstantID {
    append(name, values.map(\.bitPattern), values, .float32)
  }

  private mutating func append(_ name: String, _ words: [UInt32], _ values: [Float], _ element: Precision) -> ConstantID
  {
    let count = words.count * 4 / element.byteCount
    descriptions.append(ConstantDescription(name: name, byteOffset: payload.count * 4, count: count, element: element))
    nonFiniteCount += values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
    payload += words
    payload += repeatElement(0, count: Layout.pitch(payload.count) - payload.count)
    return ConstantID(rawValue: descriptions.count - 1)
  }

  /// A vector over channels, padded with zeros to its pitch.
  mutating func vector(_ name: String, _ values: [Float]) -> ConstantID { append(name, Self.padded(values)) }

  /// Rows of channel vectors, each padded to the pitch.
  mutating func rows(_ name: String, _ rows: [[Float]]) -> ConstantID { append(name, rows.flatMap(Self.padded)) }

  /// A matrix for the product kernels of a precision.
  mutating func matrix(_ name: String, _ matrix: ColumnMatrix, _ precision: Precision = .float32) -> ConstantID {
    switch precision {
    case .float32: append(name, matrix.packed())
    case .bfloat16: append(name, matrix.packedPairs(), matrix.values.map(BFloat16.rounded), .bfloat16)
    }
  }

  private static func padded(_ values: [Float]) -> [Float] {
    values + repeatElement(0, count: Layout.pitch(values.count) - values.count)
  }
}

/// The right-hand side of out = in · B, one column an output channel: `inner` rows by `columns` columns.
struct ColumnMatrix {
  let inner: Int
  let columns: Int
  /// Row-major, `inner` × `columns`.
  var values: [Float]

  init(inner: Int, columns: Int) {
    self.inner = inner
    self.columns = columns
    values = [Float](repeating: 0, count: inner * columns)
  }

  /// The transpose of a weight of `outputs` × `inner` values, row-major as checkpoints hold it, its output channels
  /// moved to `column(output)`.
  init(weight: [Float], outputs: Int, inner: Int, columns: Int, column: (Int) -> Int = { $0 }) {
    self.init(inner: inner, columns: columns)
    for output in 0..<outputs {
      let target = column(output)
      for k in 0..<inner { values[k * columns + target] = weight[output * inner + k] }
    }
  }

  /// Panels of 48 columns, the last of 16, 32 or 48; in a panel row after row. Columns are padded with zeros to a
  /// multiple of 16.
  func packed() -> [Float] {
    let width = Layout.pitch(columns)
    var out = [Float]()
    out.reserveCapacity(inner * width)
    for start in stride(from: 0, to: width, by: Layout.panel) {
      let panel = min(Layout.panel, width - start)
      let filled = max(0, min(panel, columns - start))
      for k in 0..<inner {
        out += values[(k * columns + start)..<(k * columns + start + filled)]
        out += repeatElement(0, count: panel - filled)
      }
    }
    return out
  }

  /// The same panels of pairs of rows: values (2i, n) and (2i + 1, n), rounded to bfloat16, are one word. An odd last row is
  /// paired with zeros.
  func packedPairs() -> [UInt32] {
    let width = Layout.pitch(columns)
    var out = [UInt32]()
    out.reserveCapacity((inner + 1) / 2 * width)
    for start in stride(from: 0, to: width, by: Layout.panel) {
      let panel = min(Layout.panel, width - start)
      let filled = max(0, min(panel, columns - start))
      for k in stride(from: 0, to: inner, by: 2) {
        for column in start..<start + filled {
          let first = BFloat16.bits(values[k * columns + column])
          let second = k + 1 < inner ? BFloat16.bits(values[(k + 1) * columns + column]) : 0
          out.append(UInt32(first) | UInt32(second) << 16)
        }
        out += repeatElement(0, count: panel - filled)
      }
    }
    return out
  }
}
