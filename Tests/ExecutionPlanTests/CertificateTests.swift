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
    #expect(certificate.compare(output: output) == .init(maxDifference: 0, decibels: .infinity, passes: true))
    var other = output
    other[7] = output[7] + 0.5
    #expect(!certificate.compare(output: other).passes)
    #expect(abs(certificate.compare(output: other).maxDifference - 0.5) < 1e-6)
    other[7] = .nan
    #expect(certificate.compare(output: other) == .init(maxDifference: .infinity, decibels: -.infinity, passes: false))
    #expect(!certificate.compare(output: []).passes)
  }

  @Test func reducedPrecisionIsHeldToDecibels() throws {
    let output = [Float](repeating: 0.5, count: 12)
    let certificate = try Certificate(height: 2, width: 2, seed: 0, output: output, tier: .reduced(decibels: 40))
    let off = { (difference: Float) in certificate.compare(output: output.map { $0 + difference }) }
    #expect(off(0).passes && off(0).decibels == .infinity)
    #expect(off(0.0078125).passes && abs(off(0.0078125).decibels - 42.144) < 1e-3)
    #expect(!off(0.015625).passes)
    #expect(!off(.nan).passes && off(.nan).decibels == -.infinity)
    for tier in [Certificate.Tier.reduced(decibels: 0), .reduced(decibels: .nan), .reduced(decibels: .infinity)] {
      expectError("plan.certificate") { _ = try Certificate(height: 2, width: 2, seed: 0, output: output, tier: tier) }
    }
    let decoded = try certificate.encoded().withUnsafeBytes { try Certificate(section: $0) }
    #expect(decoded.tier == .reduced(decibels: 40) && decoded.output == output)
  }

  @Test func valuesThatAreNotFiniteMustBeTheSame() throws {
    var output = [Float](repeating: 0.5, count: 12)
    output[3] = .nan
    output[4] = .infinity
    let certificate = try Certificate(height: 2, width: 2, seed: 0, output: output, tolerance: 0.1)
    #expect(certificate.compare(output: output) == .init(maxDifference: 0, decibels: .infinity, passes: true))
    for (index, value) in [(3, Float(0.5)), (4, -.infinity), (4, .nan), (5, .nan), (5, .infinity)] {
      var other = output
      other[index] = value
      #expect(
        certificate.compare(output: other) == .init(maxDifference: .infinity, decibels: -.infinity, passes: false))
    }
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
      consume(loaded.weights.reduce(0) { $0 &+ Int($1) })
    }
  }
}

/// Keeps the optimiser from leaving out how a value was computed.
@inline(never)
@_optimize(none)
private func consume(_ value: Int) { withExtendedLifetime(value) {} }
