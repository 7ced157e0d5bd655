import Tensors

/// A primitive with its attributes read and checked: its meaning, and the only place where it is written down.
///
/// One file a family. A conforming value is made by ``PrimitiveRegistry/operator(for:)``; attributes that the
/// definition does not allow are refused then.
package protocol PrimitiveOperator: Sendable {
  /// The facts of the outputs, as many as `context` asks for.
  ///
  /// With every input a constant the sizes must come out as numbers: that is how an evaluation learns them. Otherwise a
  /// size that depends on data is ``InferenceContext/unknown(output:axis:)``. `sizes` of a result may be given where
  /// the inputs' are known; constants need not be (the caller folds by evaluating).
  ///
  /// Throws `graph.type`, saying which rule is broken, when the operator is not defined on these inputs. Never traps,
  /// never allocates in proportion to a size that it reads: inputs come from files.
  /// - Parameter inputs: in the operator's order; nil for an input that is left out.
  func infer(_ inputs: [TensorFact?], _ context: InferenceContext) throws -> [TensorFact]

  /// Computes the outputs: dense, row-major, of the types that ``infer(_:_:)`` gives for these inputs as constants.
  ///
  /// - Parameter outputs: nil for an output that is not asked for. Not initialised; they overlap no input.
  func evaluate(_ inputs: [Tensor?], into outputs: [TensorTarget?], _ context: PrimitiveContext) throws
}

/// What an operator may ask about the node that it is inferred for.
package struct InferenceContext: Sendable {
  package typealias RegionInference = @Sendable (_ region: Int, _ inputs: [TensorFact]) throws -> [TensorFact]

  /// How many outputs the node has, absent ones at the end not counted.
  package var outputCount: Int
  /// The start of the names of sizes that only data decide; begins with `?` and is unique to the node.
  package var sizePrefix: String
  /// Operands after the operator's own that the regions capture; they are the last inputs of every region.
  package var captureCount: Int
  /// The facts of a region's outputs for facts of its inputs, captures included.
  package var region: RegionInference

  package init(
    outputCount: Int = 1, sizePrefix: String = "?", captureCount: Int = 0, region: @escaping RegionInference = noRegion
  ) {
    self.outputCount = outputCount
    self.sizePrefix = sizePrefix
    self.captureCount = captureCount
    self.region = region
  }

  /// A size that only data decide. The same for the same place, so that inference gives the same answer each time.
  package func unknown(output: Int, axis: Int) -> Dimension {
    Dimension(symbol: "\(sizePrefix).\(output).\(axis)")
  }

  @Sendable package static func noRegion(_ region: Int, _ inputs: [TensorFact]) throws -> [TensorFact] {
    throw EVSSMError("graph.region", "The operator needs a graph as its attribute and has none.")
  }
}

/// What an evaluation may use besides its inputs.
package struct PrimitiveContext: Sendable {
  package typealias RegionEvaluation = @Sendable (_ region: Int, _ inputs: [Tensor]) throws -> [Tensor]

  package var captureCount: Int
  /// Runs a region on its inputs, captures included.
  package var region: RegionEvaluation

  package init(captureCount: Int = 0, region: @escaping RegionEvaluation = noRegion) {
    self.captureCount = captureCount
    self.region = region
  }

  @Sendable package static func noRegion(_ region: Int, _ inputs: [Tensor]) throws -> [Tensor] {
    throw EVSSMError("graph.region", "The operator needs a graph as its attribute and has none.")
  }
}

/// Where an evaluation writes one output: `bytes` hold exactly the elements of the shape.
package struct TensorTarget {
  package let dtype: DType
  package let shape: [Int]
  package let bytes: UnsafeMutableRawBufferPointer

  package init(dtype: DType, shape: [Int], bytes: UnsafeMutableRawBufferPointer) {
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }
}

/// An operator whose results have shapes that only its evaluation can tell, such as a Loop's: it makes its own tensors.
package protocol SelfAllocating: PrimitiveOperator {
  func evaluate(_ inputs: [Tensor?], _ context: PrimitiveContext, outputCount: Int) throws -> [Tensor]
}

extension SelfAllocating {
  package func evaluate(_ inputs: [Tensor?], into outputs: [TensorTarget?], _ context: PrimitiveContext) throws {
    let results = try evaluate(inputs, context, outputCount: outputs.count)
    for (target, result) in zip(outputs, results) {
      guard let target else { continue }
      guard target.dtype == result.dtype, target.shape == result.shape else {
        throw EVSSMError(
          "graph.type", "A result has the shape \(result.shape); \(target.shape) was expected.")
      }
      result.withUnsafeBytes { target.bytes.copyMemory(from: $0) }
    }
  }
}
