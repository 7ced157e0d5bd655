import Foundation
import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct CertificateTests {
  @Test func probePicturesLookLikePictures() {
    let planes = ProbePicture.planes(seed: 1, height: 40, width: 56)
    #expect(planes.count == 3 * 40 * 56)
    #expect(planes.allSatisfy { (0..<1).contains($0) })
    #expect(ProbePicture.planes(seed: 1, height: 40, width: 56) == planes)
    #expect(ProbePicture.planes(seed: 2, height: 40, width: 56) != planes)
    let mean = planes.reduce(0, +) / Float(planes.count)
    let variance = planes.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(planes.count)
    let steps = zip(planes, planes.dropFirst()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Float(planes.count)
    #expect((0.4..<0.6).contains(mean))
    // Neighbours differ much less than pixels far apart, which differ by twice the variance on average.
    #expect(variance > 0.01 && steps < variance / 2)
  }

  @Test func comparisonsTellTheLargestDifference() throws {
    let output = ProbePicture.planes(seed: 1, height: 20, width: 20)
    let certificate = try Certificate(height: 20, width: 20, seed: 1, output: output, tolerance: 0.25)
    #expect(certificate.compare(output: output) == .init(maxDifference: 0, passes: true))
    var other = output
    other[7] = output[7] + 0.5
    #expect(!certificate.compare(output: other).passes)
    #expect(abs(certificate.compare(output: other).maxDifference - 0.5) < 1e-6)
    other[7] = .nan
    #expect(certificate.compare(output: other) == .init(maxDifference: .infinity, passes: false))
    #expect(!certificate.compare(output: []).passes)
  }

  @Test func malformedCertificatesAreErrors() {
    let make = { (height: Int, width: Int, output: [Float], tolerance: Float) in
      _ = try Certificate(height: height, width: width, seed: 0, output: output, tolerance: tolerance)
    }
    let zeros = [Float](repeating: 0, count: 12)
    expectError("plan.certificate") { try make(0, 2, [], 1) }
    expectError("plan.certificate") { try make(2, 3, zeros, 1) }
    expectError("plan.certificate") { try make(2, 2, zeros, .nan) }
    expectError("plan.certificate") { try make(2, 2, zeros, 0) }
    expectError("plan.certificate") { try make(2, 2, [.infinity] + zeros.dropFirst(), 1) }
    expectError("size.overflow") { try make(.max, .max, zeros, 1) }
    expectError("limit.exceeded", limit: "max_probe_pixels") { try make(1024, 1024, zeros, 1) }
  }

  // L23: truncated in place while mapped; the guard ends the process in order.
  @Test func truncationInUseEndsTheProcessInOrder() async {
    await #expect(processExitsWith: .exitCode(74)) {
      let directory = try TemporaryDirectory()
      let path = try directory.write(PlanFixture().file())
      MappingGuard.install()
      let loaded = try PlanFile.open(path: path)
      _ = truncate(path, 0)
      _ = loaded.weights.reduce(0) { $0 &+ Int($1) }
    }
  }
}
