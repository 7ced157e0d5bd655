import ExecutionPlan
import Imaging
import PlanRuntime
import ServingTestSupport
import TestSupport
import Tensors
import Testing

@testable import InferenceServer

@Suite("The service behind both protocols")
struct ServiceTests {
  private func service(
    queue: Int = 8, memory: Int = 1 << 30
  ) throws -> (InferenceService, ServedModel, TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    try PlanFile.write(ServedPlan.plan, to: directory.path("a.plan"))
    let service = try InferenceService(
      sources: [.file(name: "a", path: directory.path("a.plan"))],
      scheduler: SchedulerConfiguration(threads: 2, queue: queue, maxMemory: memory))
    #expect(!service.isReady)
    _ = service.repository.loadAll()
    #expect(service.isReady)
    return (service, try service.repository.onlyModel(), directory)
  }

  private func picture(height: Int, width: Int) throws -> Picture {
    try Picture(
      planes: SeededWeights.picture(height: height, width: width, seed: 3), width: width, height: height)
  }

  @Test("restores pictures as a run does", arguments: PictureFormat.allCases)
  func restore(format: PictureFormat) async throws {
    let (service, model, _) = try service()
    let file = try picture(height: 27, width: 33).encoded(as: format)
    let input = try Picture(bytes: file)
    let session = try PlanSession(plan: ServedPlan.plan, height: 27, width: 33, workers: Workers(threads: 1))
    let expected = try Picture(planes: session.run(input.planes()), width: 33, height: 27)
    let restored = try await service.restore(model, file: file, format: nil, quality: 95)
    #expect(restored.format == format)
    #expect(restored.bytes == (try expected.encoded(as: format)))
    let figures = model.statistics.snapshot
    #expect(figures.success.count == 1 && figures.pending == 0 && figures.infer.count == 1)
  }

  @Test("refuses what is no picture, and counts it")
  func refuse() async throws {
    let (service, model, _) = try service()
    #expect(await kind { _ = try await service.restore(model, file: [1, 2, 3], format: nil, quality: 95) } == .invalid)
    let tiny = try picture(height: 2, width: 2).encoded(as: .png)
    #expect(await kind { _ = try await service.restore(model, file: tiny, format: nil, quality: 95) } == .invalid)
    let figures = model.statistics.snapshot
    #expect(figures.failure.count == 2 && figures.pending == 0)
    let good = try picture(height: 24, width: 24).encoded(as: .png)
    _ = try await service.restore(model, file: good, format: .jpeg, quality: 80)
  }

  @Test("writes metrics under the names that dashboards know")
  func metrics() async throws {
    let (service, model, _) = try service()
    let good = try picture(height: 24, width: 24).encoded(as: .png)
    _ = try await service.restore(model, file: good, format: nil, quality: 95)
    var text = PrometheusText()
    service.writeMetrics(to: &text)
    let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.contains("nv_inference_request_success{model=\"a\",version=\"1\"} 1"))
    #expect(lines.contains("nv_inference_request_failure{model=\"a\",version=\"1\",reason=\"REJECTED\"} 0"))
    #expect(lines.contains("nv_inference_first_response_histogram_ms_count{model=\"a\",version=\"1\"} 1"))
    for line in lines where !line.hasPrefix("#") {
      #expect(line.split(separator: " ").last.flatMap { Double($0) } != nil, "\(line)")
    }
  }

  @Test("bounds the bytes of requests")
  func budget() throws {
    let budget = ByteBudget(limit: 100)
    let first = try budget.reserve(60)
    #expect(throws: ServingError.self) { try budget.reserve(41) }
    try first.grow(by: 40)
    #expect(budget.usedBytes == 100)
    #expect(throws: ServingError.self) { try first.grow(by: .max) }
  }
}
