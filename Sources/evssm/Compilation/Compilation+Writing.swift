import ExecutionPlan
import ReferenceInterpreter
import Tensors

extension Compilation {
  /// The probe picture of a certificate: it is padded at every level of the network.
  private static let probe = (seed: UInt64(1), height: 40, width: 52)

  /// Writes the plan with a certificate and with `sizes` bound.
  ///
  /// Throws what ``Plan/bind(height:width:)`` throws for a size, and `file.…`.
  func write(to path: String, sizes: [PictureSize]) throws {
    var unique: [PictureSize] = []
    for size in sizes where !unique.contains(size) { unique.append(size) }
    let bindings = try unique.map { size in
      do { return try loaded.plan.bind(height: size.height, width: size.width) } catch let error as EVSSMError {
        throw error.at(.init(option: "--size \(size)"))
      }
    }
    try PlanFile.write(loaded, bindings: bindings, certificate: certificate(), to: path)
  }

  /// What the reference interpreter gives in float64 for the probe picture, on the network as it is written.
  private func certificate() throws -> Certificate {
    let probe = Self.probe
    let planes = ProbePicture.planes(seed: probe.seed, height: probe.height, width: probe.width)
    let input = try ReferenceArray<Double>(shape: [1, 3, probe.height, probe.width], elements: planes.map(Double.init))
    let outputs = try Interpreter<Double>(graph).run([input])
    return try Certificate(
      height: probe.height, width: probe.width, seed: probe.seed,
      output: outputs.flatMap { $0.elements.map(Float.init) }, tolerance: Float(Tolerance.close))
  }
}
