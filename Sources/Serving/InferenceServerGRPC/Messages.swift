import Foundation
import InferenceServer

extension InferRequest {
  /// Reads a call's message. Throws `invalid`, `tooLarge`.
  init(_ message: Inference_ModelInferRequest) throws {
    guard message.inputs.count == 1, let input = message.inputs.first else {
      throw ServingError(
        .invalid, "There are \(message.inputs.count) inputs; the model has one, \(ServedModel.inputName).")
    }
    guard message.outputs.count <= 1 else { throw ServingError(.invalid, "The model has one output.") }
    if let output = message.outputs.first {
      try TensorRules.checkOutput(output.name)
      if case .int64Param(let classes)? = output.parameters["classification"]?.parameterChoice, classes != 0 {
        throw ServingError(.invalid, "The model does not classify: leave classification out.")
      }
    }
    try self.init(
      name: input.name, datatype: input.datatype, shape: input.shape.map(Int.init),
      planes: Self.planes(message, input), id: message.id.isEmpty ? nil : message.id,
      parameters: Parameters(message.parameters))
  }

  private static func planes(
    _ message: Inference_ModelInferRequest, _ input: Inference_ModelInferRequest.InferInputTensor
  ) throws -> [Float] {
    let contents = input.contents
    let isTyped = input.hasContents && contents != Inference_InferTensorContents()
    if message.rawInputContents.isEmpty {
      guard contents.boolContents.isEmpty, contents.intContents.isEmpty, contents.int64Contents.isEmpty,
        contents.uintContents.isEmpty, contents.uint64Contents.isEmpty, contents.fp64Contents.isEmpty,
        contents.bytesContents.isEmpty
      else { throw ServingError(.invalid, "An input of \(ServedModel.datatype) has its values in fp32_contents.") }
      return contents.fp32Contents
    }
    guard !isTyped else {
      throw ServingError(.invalid, "The input has both contents and raw_input_contents.")
    }
    guard message.rawInputContents.count == 1, let raw = message.rawInputContents.first else {
      throw ServingError(
        .invalid, "There are \(message.rawInputContents.count) raw_input_contents for 1 input.")
    }
    guard raw.count % 4 == 0 else { throw ServingError(.invalid, "raw_input_contents has \(raw.count) bytes.") }
    return raw.withUnsafeBytes { [Float](littleEndian: $0) }
  }
}

extension InferRequest.Parameters {
  init(_ parameters: [String: Inference_InferParameter]) throws {
    self.init()
    for name in ["sequence_id", "sequence_start", "sequence_end"] where parameters[name] != nil {
      throw ServingError(.invalid, "The model keeps no state: leave \(name) out.")
    }
    priority = try Self.unsigned(parameters["priority"], "priority")
    timeout = try Self.unsigned(parameters["timeout"], "timeout")
  }

  private static func unsigned(_ parameter: Inference_InferParameter?, _ name: String) throws -> UInt64 {
    switch parameter?.parameterChoice {
    case nil: return 0
    case .uint64Param(let value): return value
    case .int64Param(let value) where value >= 0: return UInt64(value)
    default: throw ServingError(.invalid, "\(name) must be an integer of 0 or more.")
    }
  }
}

extension Inference_ModelInferRequest {
  /// Bytes of the tensors in the message.
  var tensorBytes: Int {
    rawInputContents.reduce(0) { $0 + $1.count } + inputs.reduce(0) { $0 + 4 * $1.contents.fp32Contents.count }
  }
}

extension Inference_ModelInferResponse {
  init(_ response: InferResponse) {
    self.init()
    modelName = response.modelName
    modelVersion = String(response.modelVersion)
    id = response.id ?? ""
    outputs = [
      .with {
        $0.name = ServedModel.outputName
        $0.datatype = ServedModel.datatype
        $0.shape = response.shape.map(Int64.init)
      }
    ]
    rawOutputContents = [response.planes.withUnsafeBytes { Data($0) }]
  }
}

extension Inference_ModelStatistics {
  init(_ model: ServedModel) {
    self.init()
    let figures = model.statistics.snapshot
    name = model.name
    version = String(model.version)
    lastInference = figures.lastInference
    inferenceCount = UInt64(figures.success.count)
    executionCount = UInt64(figures.infer.count)
    inferenceStats = .with {
      $0.success = .init(figures.success)
      $0.fail = .init(figures.failure)
      $0.queue = .init(figures.queue)
      $0.computeInput = .init(figures.input)
      $0.computeInfer = .init(figures.infer)
      $0.computeOutput = .init(figures.output)
    }
    guard figures.success.count > 0 else { return }
    batchStats = [
      .with {
        $0.batchSize = 1
        $0.computeInput = .init(figures.input)
        $0.computeInfer = .init(figures.infer)
        $0.computeOutput = .init(figures.output)
      }
    ]
  }
}

extension Inference_StatisticDuration {
  init(_ total: ModelStatistics.Total) {
    self.init()
    count = UInt64(total.count)
    ns = total.nanoseconds
  }
}
