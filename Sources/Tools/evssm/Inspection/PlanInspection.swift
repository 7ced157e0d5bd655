import ExecutionPlan
import JSON
import ModelCompiler
import Tensors

/// A plan's network, steps, memory and certificate.
struct PlanInspection: Inspection {
  private let path: String
  private let size: PictureSize
  private let loaded: LoadedPlan
  /// The plan at `size`; nil when it cannot be bound to it.
  private let bound: BoundPlan?

  /// Opens and validates the plan. Throws what ``PlanFile/open(path:trustedKey:)`` throws.
  init(path: String, size: PictureSize) throws {
    self.path = path
    self.size = size
    loaded = try PlanFile.open(path: path)
    bound = try? loaded.binding(height: size.height, width: size.width)
  }

  private var model: ModelDescription { loaded.plan.model }

  private var multiplyAdds: [Int]? { try? bound?.multiplyAdds(of: loaded.plan) }

  var json: JSONValue {
    [
      "kind": "plan",
      "architecture": .string(model.architecture),
      "hyperparameters": .object(model.hyperparameters.map { ($0.name, .string($0.value)) }),
      "parameters": .integer(model.parameterCount),
      "precision": .string(loaded.plan.precision.rawValue),
      "windows": .string(model.windows.rawValue),
      "minimum_side": .integer(model.minimumSide),
      "digest": JSONValue(loaded.digest?.description),
      "file_bytes": JSONValue(loaded.fileByteCount),
      "weights_bytes": .integer(loaded.weights.count),
      "bindings": .array(loaded.bindings.map(binding)),
      "certificate": certificate,
      "ignored_sections": .integer(loaded.ignoredSections.count),
      "cost": cost,
      "inputs": JSONValue(loaded.plan.graph?.inputs.map(\.description) ?? []),
      "outputs": JSONValue(loaded.plan.graph?.outputNames ?? []),
      "steps": .array(
        steps.map {
          ["name": .string($0.name), "operation": .string($0.operation), "precision": .string($0.precision.rawValue)]
        }),
    ]
  }

  private func binding(_ bound: BoundPlan) -> JSONValue {
    [
      "width": .integer(bound.width), "height": .integer(bound.height), "arena_bytes": .integer(bound.arenaByteCount),
      "arena_lower_bound_bytes": .integer(bound.lowerBoundByteCount), "arena_sum_bytes": .integer(bound.totalByteCount),
    ]
  }

  /// The plan is validated: its steps' sizes do not overflow.
  private func precision(_ step: Step) -> Precision { (try? loaded.plan.precision(of: step)) ?? .float32 }

  private var certificate: JSONValue {
    guard let certificate = loaded.certificate else { return nil }
    let size: [(String, JSONValue)] = [
      ("width", .integer(certificate.width)), ("height", .integer(certificate.height)),
    ]
    return switch certificate.tier {
    case .close(let tolerance): .object(size + [("tolerance", .number(Double(tolerance)))])
    case .reduced(let decibels): .object(size + [("least_decibels", .number(Double(decibels)))])
    }
  }

  private var cost: JSONValue {
    guard let multiplyAdds, let bound else { return nil }
    return [
      "width": .integer(size.width), "height": .integer(size.height), "macs": .integer(multiplyAdds.reduce(0, +)),
      "arena_bytes": .integer(bound.arenaByteCount),
    ]
  }

  var lines: [String] {
    var table = TextTable(.left, .left)
    table.append("file", EVSSMError.escaped(path) + (loaded.fileByteCount.map { ", " + Format.bytes($0) } ?? ""))
    table.append("container", "plan")
    table.append("architecture", EVSSMError.escaped(model.architecture))
    for attribute in model.hyperparameters {
      table.append(EVSSMError.escaped(attribute.name), EVSSMError.escaped(attribute.value))
    }
    table.append("parameters", Format.grouped(model.parameterCount))
    if loaded.plan.graph == nil || !loaded.plan.steps.isEmpty {
      table.append("precision", loaded.plan.precision.summary)
      table.append("windows", model.windows.rawValue)
      table.append("smallest side", String(model.minimumSide))
    }
    table.append("weights", Format.bytes(loaded.weights.count))
    for bound in loaded.bindings {
      table.append("bound", "\(bound.width)x\(bound.height), \(Format.bytes(bound.arenaByteCount)) of memory")
    }
    table.append("certificate", loaded.certificate.map { "probe \($0.width)x\($0.height)" } ?? "none")
    if let digest = loaded.digest { table.append("digest", digest.description) }
    for section in loaded.ignoredSections {
      table.append("ignored", "section of kind \(section.kind), \(Format.bytes(section.byteCount))")
    }
    if let multiplyAdds {
      table.append("cost", "\(Format.fixed(Double(multiplyAdds.reduce(0, +)) * 1e-9, 1)) GMAC at \(size)")
    }
    for port in loaded.plan.graph?.inputs ?? [] { table.append("input", port.description) }
    for name in loaded.plan.graph?.outputNames ?? [] { table.append("output", EVSSMError.escaped(name)) }
    table.append("steps", Format.grouped(steps.count))
    return table.lines() + stepLines
  }

  private var stepLines: [String] {
    var table = TextTable(.left, .left)
    for step in steps {
      let precision = step.precision == .float32 ? "" : ", \(step.precision.rawValue)"
      table.append(EVSSMError.escaped(step.name), step.operation + precision)
    }
    return table.lines(indent: 2)
  }

  /// The stages, or the nodes of a graph, and what each does.
  private var steps: [(name: String, operation: String, precision: Precision)] {
    let stages = loaded.plan.steps.map { (name: $0.name, operation: $0.operation.label, precision: precision($0)) }
    guard let graph = loaded.plan.graph else { return stages }
    return graph.program.nodes.flatMap { node in
      node.isNetwork ? stages : [(node.name, EVSSMError.escaped(node.call.type), .float32)]
    }
  }
}

extension Precision {
  /// What computes in it.
  var summary: String { self == .float32 ? rawValue : "\(rawValue) matrices, all else float32" }
}
