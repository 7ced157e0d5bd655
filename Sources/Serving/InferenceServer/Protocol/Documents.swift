import JSON

/// The JSON documents of the Open Inference Protocol that describe the server and its models.
package enum Documents {
  package static let serverName = "evssmd"
  package static let serverVersion = "0.2.0"
  package static let extensions = [
    "binary_tensor_data", "model_configuration", "model_repository", "parameters", "schedule_policy", "statistics",
  ]

  package static var server: JSONValue {
    [
      "name": .string(serverName), "version": .string(serverVersion),
      "extensions": .array(extensions.map(JSONValue.string)),
    ]
  }

  package static func model(_ model: ServedModel, versions: [Int]) -> JSONValue {
    let shape = JSONValue.array(model.shape.map(JSONValue.integer))
    func tensor(_ name: String) -> JSONValue {
      ["name": .string(name), "datatype": .string(ServedModel.datatype), "shape": shape]
    }
    return [
      "name": .string(model.name), "versions": .array(versions.map { .string(String($0)) }),
      "platform": .string(ServedModel.platform), "inputs": [tensor(ServedModel.inputName)],
      "outputs": [tensor(ServedModel.outputName)],
    ]
  }

  /// What load generators ask for before they start.
  package static func configuration(_ model: ServedModel) -> JSONValue {
    let sizes = JSONValue.array(model.shape.map(JSONValue.integer))
    func tensor(_ name: String) -> JSONValue {
      ["name": .string(name), "data_type": .string("TYPE_\(ServedModel.datatype)"), "dims": sizes]
    }
    return [
      "name": .string(model.name), "platform": .string(ServedModel.platform), "backend": "evssm",
      "version_policy": ["all": [:]], "max_batch_size": 0, "input": [tensor(ServedModel.inputName)],
      "output": [tensor(ServedModel.outputName)],
    ]
  }

  package static func index(_ entries: [ModelRepository.Entry]) -> JSONValue {
    .array(
      entries.map { entry in
        var fields: [JSONValue.Member] = [("name", .string(entry.name))]
        if !entry.version.isEmpty { fields.append(("version", .string(entry.version))) }
        fields += [("state", .string(entry.state)), ("reason", .string(entry.reason))]
        return .object(fields)
      })
  }

  package static func statistics(_ models: [ServedModel]) -> JSONValue {
    ["model_stats": .array(models.map(statistics))]
  }

  private static func statistics(_ model: ServedModel) -> JSONValue {
    let figures = model.statistics.snapshot
    func total(_ total: ModelStatistics.Total) -> JSONValue {
      ["count": .integer(total.count), "ns": .unsigned(total.nanoseconds)]
    }
    return [
      "name": .string(model.name), "version": .string(String(model.version)),
      "last_inference": .unsigned(figures.lastInference), "inference_count": .integer(figures.success.count),
      "execution_count": .integer(figures.infer.count),
      "inference_stats": [
        "success": total(figures.success), "fail": total(figures.failure), "queue": total(figures.queue),
        "compute_input": total(figures.input), "compute_infer": total(figures.infer),
        "compute_output": total(figures.output), "cache_hit": total(.init()), "cache_miss": total(.init()),
      ],
      "batch_stats": figures.success.count == 0
        ? []
        : [
          [
            "batch_size": 1, "compute_input": total(figures.input), "compute_infer": total(figures.infer),
            "compute_output": total(figures.output),
          ]
        ],
    ]
  }

  package static func error(_ error: ServingError) -> JSONValue { ["error": .string(error.message)] }
}
