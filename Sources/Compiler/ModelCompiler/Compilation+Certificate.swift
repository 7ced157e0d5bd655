import ExecutionPlan
import GraphIR
import PlanRuntime
import ReferenceInterpreter
import Tensors

/// The probe picture of a certificate: it is padded at every level of the network.
private let probe = (seed: UInt64(1), height: 40, width: 52)

extension CheckpointCompilation {
  /// Writes the plan with a certificate, and with memory laid out for `sizes`.
  ///
  /// The certificate is what the reference interpreter gives in float64 for a probe picture, on the network as it is
  /// written. The plan is run on that picture as well; one whose results are not finite says so in its description.
  /// - Throws: what `Plan/bind(height:width:)` throws for a size, and `file.…`.
  /// - Returns: what to say of a plan that does not compute its own probe picture as it should.
  @discardableResult
  public func write(to path: String, sizes: [PictureSize] = []) throws -> CompilationDoubt? {
    let certificate = try certificate()
    let output = try plan.restored(certificate)
    let nonFinite = output.count { !$0.isFinite }
    try PlanFile.write(
      marked(nonFinite: nonFinite), bindings: plan.plan.bindings(sizes), certificate: certificate, to: path)
    if nonFinite > 0 { return .nonFinite(count: nonFinite, of: output.count) }
    return certificate.doubt(output)
  }

  /// The plan, which says so if its results on the probe picture are not finite.
  private func marked(nonFinite: Int) throws -> LoadedPlan {
    if nonFinite == 0 { return plan }
    var marked = plan.plan
    marked.model.hyperparameters.append(.init(name: "non_finite_results", value: "\(nonFinite)"))
    return try LoadedPlan(plan: marked, weights: plan.weightsStorage)
  }

  /// What the reference interpreter gives in float64 for the probe picture, on the network as it is written.
  private func certificate() throws -> Certificate {
    let planes = ProbePicture.planes(seed: probe.seed, height: probe.height, width: probe.width)
    let input = try ReferenceArray<Double>(shape: [1, 3, probe.height, probe.width], elements: planes.map(Double.init))
    let outputs = try Interpreter<Double>(graph).run([input])
    return try Certificate(
      height: probe.height, width: probe.width, seed: probe.seed,
      output: outputs.flatMap { $0.elements.map(Float.init) }, tier: Tolerance.tier(of: compiled.plan.precision))
  }
}

extension OnnxCompilation {
  /// Writes the plan: that of an EVSSM network with a certificate and with memory laid out for `sizes`.
  ///
  /// The certificate is what the interpreter gives for a probe picture, on the model's own graph.
  /// - Throws: `compile.size` for sizes of a graph that runs node by node, and what
  ///   ``CheckpointCompilation/write(to:sizes:)`` throws.
  /// - Returns: what to say of a plan that rounds its own probe picture too much.
  @discardableResult
  public func write(to path: String, sizes: [PictureSize] = []) throws -> CompilationDoubt? {
    guard isRaised else {
      if let size = sizes.first {
        throw EVSSMError(
          "compile.size", "Memory of a graph that runs node by node is laid out when it runs. Leave --size out.",
          category: .usage, place: .init(option: "--size \(size)"))
      }
      _ = try PlanFile.write(plan, to: path)
      return nil
    }
    let certificate = try certificate()
    try PlanFile.write(plan, bindings: plan.plan.bindings(sizes), certificate: certificate, to: path)
    return plan.plan.precision == .float32 ? nil : certificate.doubt(try plan.restored(certificate))
  }

  /// What the interpreter gives for the probe picture on the model's own graph, in the size that the graph runs.
  private func certificate() throws -> Certificate {
    let shape = imported.graph[imported.graph.inputs[0]].type.shape
    let (height, width) = (shape[2].known ?? probe.height, shape[3].known ?? probe.width)
    let planes = ProbePicture.planes(seed: probe.seed, height: height, width: width)
    let input = try Tensor(shape: [1, 3, height, width], floats: planes)
    let outputs = try TensorInterpreter(imported.graph).run([input])
    return try Certificate(
      height: height, width: width, seed: probe.seed, output: outputs.flatMap { $0.floats() },
      tier: Tolerance.tier(of: compiled.plan.precision))
  }
}

extension LoadedPlan {
  /// What the plan itself gives for the probe picture.
  fileprivate func restored(_ certificate: Certificate) throws -> [Float] {
    let workers = try Workers(threads: Workers.processorCount)
    let session = try PlanSession(plan: self, height: certificate.height, width: certificate.width, workers: workers)
    return try session.run(certificate.input)
  }
}

extension Certificate {
  /// What to say of a plan that rounds and gives this for the probe picture; nil when it is near enough. Rounding is the one
  /// error that depends on the weights.
  fileprivate func doubt(_ output: [Float]) -> CompilationDoubt? {
    guard case .reduced(let minimum) = tier else { return nil }
    let comparison = compare(output: output)
    return comparison.passes ? nil : .imprecise(decibels: comparison.decibels, minimum: Double(minimum))
  }
}

extension Plan {
  /// The plan bound to each of the sizes, once. Throws what ``bind(height:width:)`` throws, with the option.
  fileprivate func bindings(_ sizes: [PictureSize]) throws -> [BoundPlan] {
    var unique: [PictureSize] = []
    for size in sizes where !unique.contains(size) { unique.append(size) }
    return try unique.map { size in
      do { return try bind(height: size.height, width: size.width) } catch let error as EVSSMError {
        throw error.at(.init(option: "--size \(size)"))
      }
    }
  }
}
