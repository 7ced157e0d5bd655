import CKernels
import PrimitiveOperators
import Tensors

/// The sizes of a batch of matrix products and how its operands lie in memory.
struct ProductGeometry {
  var rows, inner, columns: Int
  /// For each product the places of its operands, in elements.
  var startsA, startsB: [Int]
  var transposesA = false
  var transposesB = false
}

extension StepPlanner {
  /// MatMul, and Gemm without a bias or with one a column.
  mutating func product(_ index: Int) throws -> ProgramSchedule.PlannedStep? {
    let node = program.nodes[index]
    guard node.call.type == "MatMul" || node.call.type == "Gemm", let a = operand(node, 0), let b = operand(node, 1),
      let shapeA = floatShape(a), let shapeB = floatShape(b), let target = floatShape(node.outputs[0]),
      shapeA.count >= 2, shapeB.count >= 2, !target.contains(0), shapeA.last != 0
    else { return nil }
    var bias: Int?
    var geometry: ProductGeometry
    if node.call.type == "Gemm" {
      guard node.call.real("alpha", 1) == 1, node.call.real("beta", 1) == 1 else { return nil }
      let (ta, tb) = (node.call.integer("transA", 0) != 0, node.call.integer("transB", 0) != 0)
      geometry = ProductGeometry(
        rows: target[0], inner: ta ? shapeA[0] : shapeA[1], columns: target[1], startsA: [0], startsB: [0],
        transposesA: ta, transposesB: tb)
      if let c = operand(node, 2) {
        guard let shape = floatShape(c), shape == [target[1]] || shape == [1, target[1]] else { return nil }
        bias = c
      }
    } else {
      let (rows, inner, columns) = (shapeA[shapeA.count - 2], shapeA[shapeA.count - 1], shapeB[shapeB.count - 1])
      let batch = Array(target.dropLast(2))
      geometry = ProductGeometry(
        rows: rows, inner: inner, columns: columns,
        startsA: Self.starts(Array(shapeA.dropLast(2)), batch, rows * inner),
        startsB: Self.starts(Array(shapeB.dropLast(2)), batch, inner * columns))
      // One matrix on the right: all rows are those of one product.
      if shapeB.dropLast(2).allSatisfy({ $0 == 1 }), shapeA.count == target.count {
        geometry.rows = rows * batch.reduce(1, *)
        (geometry.startsA, geometry.startsB) = ([0], [0])
      }
    }
    let output = node.outputs[0]
    let (name, operation, result) = (node.name, node.call.type, geometry)
    return ProgramSchedule.PlannedStep(inputs: [a, b] + (bias.map { [$0] } ?? []), outputs: node.outputs) {
      memory, kernels in
      ProductStep(
        name: name, operation: operation, result, a: try memory.requiredFloats(a), b: try memory.requiredFloats(b),
        bias: try bias.map(memory.requiredFloats), output: try memory.requiredTarget(output), kernels: kernels)
    }
  }

  private static func starts(_ own: [Int], _ batch: [Int], _ size: Int) -> [Int] {
    (0..<batch.reduce(1, *)).map { index in
      var (rest, offset, run) = (index, 0, 1)
      for axis in stride(from: batch.count - 1, through: 0, by: -1) {
        let position = rest % batch[axis]
        rest /= batch[axis]
        let at = axis - batch.count + own.count
        if at >= 0 {
          if own[at] != 1 { offset += position * run }
          run *= own[at]
        }
      }
      return offset * size
    }
  }
}

/// Products of matrices: a panel of columns of the right operand is packed, rows of the left one multiply it.
final class ProductStep: TensorStep, @unchecked Sendable {
  // Unchecked: constants only.
  let name: String
  let operation: String
  private let geometry: ProductGeometry
  private let a, b: ConstFloats
  private let bias: ConstFloats?
  private let output: Floats
  private let kernels: UnsafePointer<evssm_kernels>
  private let rowsPerTile: Int
  private static let panel = Int(EVSSM_PANEL)

  init(
    name: String, operation: String, _ geometry: ProductGeometry, a: ConstFloats, b: ConstFloats, bias: ConstFloats?,
    output: Floats, kernels: UnsafePointer<evssm_kernels>
  ) {
    self.name = name
    self.operation = operation
    self.geometry = geometry
    self.a = a
    self.b = b
    self.bias = bias
    self.output = output
    self.kernels = kernels
    // A tile packs its panel again: enough rows to make that cheap.
    rowsPerTile = min(geometry.rows, 768)
  }

  /// A packed panel, a panel of results, and rows of a transposed left operand.
  var scratchByteCount: Int {
    (geometry.inner * Self.panel + Self.panel + rowsPerTile * Self.panel
      + (geometry.transposesA ? rowsPerTile * geometry.inner : 0)) * 4
  }

  func run(worker: Int, team: Team, scratch: Floats) {
    let panels = (geometry.columns + Self.panel - 1) / Self.panel
    let parts = (geometry.rows + rowsPerTile - 1) / rowsPerTile
    team.tiles(geometry.startsA.count * parts * panels, worker: worker) { tile in
      let (product, rest) = tile.quotientAndRemainder(dividingBy: parts * panels)
      let (part, panel) = rest.quotientAndRemainder(dividingBy: panels)
      let first = part * rowsPerTile
      block(product, first, min(rowsPerTile, geometry.rows - first), panel * Self.panel, scratch)
    }
  }

  private func block(_ product: Int, _ first: Int, _ rows: Int, _ column: Int, _ scratch: Floats) {
    let count = min(Self.panel, geometry.columns - column)
    pack(b + geometry.startsB[product], column, count, scratch)
    let offsets = scratch + geometry.inner * Self.panel
    if let bias {
      offsets.update(repeating: 0, count: Self.panel)
      offsets.update(from: bias + column, count: count)
    }
    let (left, stride) = leftRows(product, first, rows, offsets + Self.panel + rowsPerTile * Self.panel)
    let target = output + (product * geometry.rows + first) * geometry.columns + column
    let isWhole = count == Self.panel
    let end = offsets + Self.panel
    var arguments = evssm_gemm_args(
      a: (left, nil, nil), a_stride: stride, segments: 1, segment_k: geometry.inner, b: scratch,
      bias: bias == nil ? nil : ConstFloats(offsets), c: isWhole ? target : end,
      c_stride: isWhole ? geometry.columns : Self.panel, addend: nil, addend_stride: 0, rows: rows, width: Self.panel,
      epilogue: EVSSM_EPILOGUE_STORE)
    kernels.pointee.gemm(&arguments)
    if !isWhole {
      var copy = evssm_copy_args(
        in: end, in_stride: Self.panel, out: target, out_stride: geometry.columns, rows: rows, count: count)
      kernels.pointee.copy_rows(&copy)
    }
  }

  private func pack(_ b: ConstFloats, _ column: Int, _ count: Int, _ out: Floats) {
    if count < Self.panel { out.update(repeating: 0, count: geometry.inner * Self.panel) }
    if geometry.transposesB {
      var transpose = evssm_transpose_args(
        in: b + column * geometry.inner, in_stride: geometry.inner, out: out, out_stride: Self.panel, rows: count,
        columns: geometry.inner)
      kernels.pointee.transpose(&transpose)
    } else {
      var copy = evssm_copy_args(
        in: b + column, in_stride: geometry.columns, out: out, out_stride: Self.panel, rows: geometry.inner,
        count: count)
      kernels.pointee.copy_rows(&copy)
    }
  }

  private func leftRows(_ product: Int, _ first: Int, _ rows: Int, _ scratch: Floats) -> (ConstFloats, Int) {
    let start = a + geometry.startsA[product]
    guard geometry.transposesA else { return (start + first * geometry.inner, geometry.inner) }
    var transpose = evssm_transpose_args(
      in: start + first, in_stride: geometry.rows, out: scratch, out_stride: geometry.inner, rows: geometry.inner,
      columns: rows)
    kernels.pointee.transpose(&transpose)
    return (ConstFloats(scratch), geometry.inner)
  }
}
